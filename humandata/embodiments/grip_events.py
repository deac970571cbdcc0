"""When fingers begin to hold and when they let go, read off how far they are open."""

from __future__ import annotations

from typing import Literal

import numpy as np

from humandata.arrays import FloatArray

GripEvent = Literal["close", "open"]

CLOSED_SHARE = 0.2
"""Of the range of the opening: below it, a grip is closed (Phantom)."""
OPEN_SHARE = 0.4
"""Above it, it is open again; in between it stays what it was, so that a trembling grip is one grip."""
MIN_RANGE = 0.2
"""An opening that varies by less (17 mm of a hand's 85) holds no event: it was open, or closed, all along."""


def grip_events(opening: FloatArray) -> list[GripEvent | None]:
    """The event at each of T steps, from gripper_opening (T,) in [0, 1] with NaN where it is not known.

    The state before the first known step is that step's; a hole in the track keeps the state.
    """
    events: list[GripEvent | None] = [None] * len(opening)
    known = np.flatnonzero(np.isfinite(opening))
    if len(known) == 0 or np.ptp(opening[known]) < MIN_RANGE:
        return events
    lowest, spread = float(opening[known].min()), float(np.ptp(opening[known]))
    share = (opening - lowest) / spread
    closed = bool(share[known[0]] < (CLOSED_SHARE + OPEN_SHARE) / 2.0)
    for step in known[1:].tolist():
        if closed and share[step] > OPEN_SHARE:
            closed, events[step] = False, "open"
        elif not closed and share[step] < CLOSED_SHARE:
            closed, events[step] = True, "close"
    return events
