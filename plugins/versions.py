"""Which versions a verdict rests on: read from installed metadata, so that nothing is imported to be named."""

from __future__ import annotations

import functools
import importlib.metadata
import platform
import sys

ALWAYS = ("seepage", "numpy", "scipy")
IF_LOADED = ("torch", "transformers")


def loaded() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in (*ALWAYS, *(name for name in IF_LOADED if name in sys.modules)):
        found[name] = installed(name)
    return found


@functools.cache  # reading a package's metadata takes longer than many a verdict
def installed(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
