"""How many processor threads a model computes with: a fixed number, so that the same run gives the same digits."""

from __future__ import annotations

import functools
import os

SMALL = 5_000_000  # parameters below which handing work to a second thread costs more than it saves

_set: int | None = None


def set_threads(n: int) -> None:
    """Threads of every model of this process from now on; several workers on one machine share its cores."""
    global _set
    if n < 1:
        raise ValueError(f"set_threads needs at least 1 thread, got {n}")
    _set = min(n, cores())


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache
def _default() -> int:
    """torch's own number before anything set it: the physical cores, or OMP_NUM_THREADS."""
    import torch

    return torch.get_num_threads()


def threads_for(n_parameters: int | None) -> int:
    """`set_threads`, else SEEPAGE_THREADS, else torch's own; 1 for a model below SMALL. Never above the cores."""
    default = _default()  # asked first: this function is what sets it
    if n_parameters is not None and n_parameters < SMALL:
        return 1
    if _set is not None:
        return _set
    stated = os.environ.get("SEEPAGE_THREADS", "")
    return min(int(stated) if stated.isdigit() and int(stated) > 0 else default, cores())
