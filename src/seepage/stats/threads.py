"""How many processor threads a statistic computes with: one, so that its digits are those of every other machine.

Sums that are split over threads are rounded differently, and matrices of a few hundred rows are not worth splitting:
workers whose libraries each start a thread a core wait for one another.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator

import scipy.linalg  # noqa: F401 - brings a library of its own, which must be there when they are looked for
from threadpoolctl import ThreadpoolController


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """While it lasts, linear algebra of this process runs in one thread."""
    with _libraries().limit(limits=1, user_api="blas"):
        yield


@functools.cache
def _libraries() -> ThreadpoolController:
    """The linear algebra that is loaded; looking for it takes milliseconds."""
    return ThreadpoolController()
