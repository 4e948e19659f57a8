"""Benchmarks and where they come from."""

from .opening import PROVIDERS, open_benchmark
from .record import Benchmark, Item

__all__ = ["PROVIDERS", "Benchmark", "Item", "open_benchmark"]
