"""Published series and where they come from."""

from .check import check_series, check_testable
from .opening import PROVIDERS, open_series, real_entries
from .record import Series

__all__ = ["PROVIDERS", "Series", "check_series", "check_testable", "open_series", "real_entries"]
