"""Waiting for what another thread or process is about to do."""

from __future__ import annotations

import time
from collections.abc import Callable

NAP_S = 0.02


def wait_until(done: Callable[[], object], limit_s: float = 120.0) -> None:
    """Return as soon as `done` says yes.

    The limit only ends a test that hangs: it is counted in naps, so that a machine that stands still uses up one of
    them and not the limit.
    """
    for _ in range(round(limit_s / NAP_S)):
        if done():
            return
        time.sleep(NAP_S)
    raise AssertionError(f"waited for {limit_s:g} s in vain")
