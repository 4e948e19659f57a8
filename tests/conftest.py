"""Shared by all tests of the code. They use no network and run in folders of their own."""

pytest_plugins = ["pytester"]
