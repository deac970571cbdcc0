"""Where the time of an extraction goes, by looking at the stack now and then."""

from __future__ import annotations

import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import humandata

INTERVAL_S = 0.01
_PACKAGE = Path(humandata.__file__).parent
STAGE_OF = {
    "video": "decode",
    "hands": "estimator",
    "trajectories": "lift",
    "camera_motion": "camera",
    "dataset": "write",
    "filters": "write",
}
"""The stage that a part of the package does; what none of them does is `other`."""
_STAGE_OF_MODULE = {"video/images.py": "write", "video/spool.py": "write"}


@contextmanager
def stage_shares() -> Iterator[dict[str, float]]:
    """Fill a dict with the share of the time that this thread spends in each stage until the block ends.

    The thread is sampled from another one. The time between two samples goes to the innermost stage on the stack.
    """
    seconds: dict[str, float] = defaultdict(float)
    shares: dict[str, float] = {}
    watched, stop = threading.get_ident(), threading.Event()

    def sample() -> None:
        last = time.perf_counter()
        while not stop.wait(INTERVAL_S):
            now = time.perf_counter()
            seconds[_stage(sys._current_frames().get(watched))] += now - last
            last = now

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        yield shares
    finally:
        stop.set()
        sampler.join()
        total = sum(seconds.values()) or 1.0
        shares.update({stage: spent / total for stage, spent in sorted(seconds.items(), key=lambda item: -item[1])})


def _stage(frame: FrameType | None) -> str:
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(_PACKAGE):
            module = path.relative_to(_PACKAGE)
            stage = _STAGE_OF_MODULE.get(module.as_posix()) or STAGE_OF.get(module.parts[0])
            if stage is not None:
                return stage
        frame = frame.f_back
    return "other"
