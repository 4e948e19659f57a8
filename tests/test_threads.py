"""Statistics run in one thread, and what was set before is set again."""

from __future__ import annotations

import pytest
from threadpoolctl import threadpool_info

from seepage.stats.threads import one_thread


def threads() -> list[int]:
    return [lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"]


def test_linear_algebra_has_one_thread_for_a_while_and_then_what_it_had() -> None:
    before = threads()
    with one_thread():
        assert set(threads()) == {1}
    assert threads() == before
    with pytest.raises(ValueError, match="no matter"), one_thread():
        raise ValueError("no matter")
    assert threads() == before
