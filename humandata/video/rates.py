"""Thinning frames to a rate by their true timestamps: one rule, as arrays and as an ffmpeg expression.

Time is divided into slots of 1 / rate, counted from the first frame of the video, wherever reading began; the first
frame to reach a slot is kept. The slots
are shifted a little under half a source frame early: a frame that should fall on a slot's start and comes some
milliseconds before it is still taken, so a phone's 29.97 Hz thins to an even 15 Hz. The average stays at most the
rate; two neighbours can be closer than 1 / rate when the source's rate is no multiple of it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from humandata.arrays import BoolArray

_EARLY_SOURCE_FRAMES = 0.45
"""Under one half, so that a slot halfway between two frames takes the later one, whatever the rounding."""


def thin(
    timestamps_ns: ArrayLike, rate_hz: float, source_rate_hz: float | None, origin_ns: int | None = None
) -> BoolArray:
    """Which of the frames (N,), in increasing time, to keep for at most `rate_hz` of them a second.

    `source_rate_hz`, where known, only sets how early a frame may come; it never stands in for a timestamp. Slots are
    counted from `origin_ns`, or else from the first of the frames.
    """
    stamps = np.asarray(timestamps_ns, dtype=np.int64)
    if stamps.size == 0:
        return np.zeros(0, dtype=np.bool_)
    seconds = (stamps - (stamps[0] if origin_ns is None else origin_ns)) / 1e9
    slots = np.floor(seconds * rate_hz + _slot_shift(rate_hz, source_rate_hz))
    return np.concatenate([[True], slots[1:] > np.maximum.accumulate(slots)[:-1]])


class Thinner:
    """The rule of `thin` for frames that come one at a time."""

    def __init__(self, rate_hz: float, source_rate_hz: float | None, origin_ns: int | None = None) -> None:
        self._rate_hz = rate_hz
        self._shift = _slot_shift(rate_hz, source_rate_hz)
        self._origin_ns = origin_ns
        self._last_slot: int | None = None

    def keeps(self, timestamp_ns: int) -> bool:
        """Whether to keep the frame of this time, which is later than those asked about before."""
        if self._origin_ns is None:
            self._origin_ns = timestamp_ns
        slot = math.floor((timestamp_ns - self._origin_ns) / 1e9 * self._rate_hz + self._shift)
        kept = self._last_slot is None or slot > self._last_slot
        self._last_slot = slot if self._last_slot is None else max(slot, self._last_slot)
        return kept


def selection_expression(rate_hz: float | None, source_rate_hz: float | None, origin_s: float | None = None) -> str:
    """The rule of `thin` for ffmpeg's `select` filter; without a rate, every frame later than the one before it.

    A frame without a timestamp, or not later than the last one kept, is dropped: damaged files hold such.
    """
    later = "not(isnan(t))*(isnan(prev_selected_t)+gt(t,prev_selected_t))"
    if rate_hz is None:
        return later
    shift = _slot_shift(rate_hz, source_rate_hz)
    origin = "start_t" if origin_s is None else repr(origin_s)
    slot, kept_slot = (f"floor(({time}-{origin})*{rate_hz!r}+{shift!r})" for time in ("t", "prev_selected_t"))
    return f"{later}*(isnan(prev_selected_t)+gt({slot},{kept_slot}))"


def _slot_shift(rate_hz: float, source_rate_hz: float | None) -> float:
    if rate_hz <= 0:
        raise ValueError(f"rate must be positive, got {rate_hz}")
    return _EARLY_SOURCE_FRAMES * min(1.0, rate_hz / source_rate_hz if source_rate_hz else 0.5)
