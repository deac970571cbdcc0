"""Short gaps in a track are filled and flagged; long ones stay open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field, NonNegativeFloat

from humandata.arrays import BoolArray, FloatArray, IntArray
from humandata.embodiments.human_hands import palm_frame
from humandata.geometry.transforms import apply, interpolate, invert
from humandata.schemas.documents import Document
from humandata.schemas.landmarks import Side


class FillSettings(Document):
    """The recipe's section `fill`."""

    max_gap_s: NonNegativeFloat = Field(
        default=0.667, description="10 frames at 15 Hz (Phantom); EgoVerse allows 15 at 30 Hz"
    )


@dataclass(frozen=True)
class Gap:
    """Frames `start` to `stop` (half-open) are missing between two that are known."""

    start: int
    stop: int


def short_gaps(timestamp_ns: IntArray, known: BoolArray, max_gap_s: float) -> list[Gap]:
    """The gaps of `known` (N,) that have known frames at both ends, at most `max_gap_s` apart."""
    indices = np.flatnonzero(known)
    before, after = indices[:-1], indices[1:]
    short = (after - before > 1) & (timestamp_ns[after] - timestamp_ns[before] <= max_gap_s * 1e9)
    return [Gap(int(start) + 1, int(stop)) for start, stop in zip(before[short], after[short], strict=True)]


def fill_landmarks(timestamp_ns: IntArray, landmarks: FloatArray, gaps: list[Gap], side: Side) -> FloatArray:
    """Landmarks (N, 21, 3) with the gaps filled: the palm moves rigidly (linear, SLERP), the fingers in it linearly.

    Interpolating the points alone would shrink a hand that turns.
    """
    filled = landmarks.copy()
    for gap in gaps:
        ends = [gap.start - 1, gap.stop]
        fraction = _fraction(timestamp_ns, gap)
        T_palm = palm_frame(landmarks[ends], side)
        in_palm = apply(invert(T_palm), landmarks[ends])
        inside = np.arange(gap.start, gap.stop)
        shape = in_palm[0] + fraction[:, None, None] * (in_palm[1] - in_palm[0])
        start, end = (np.broadcast_to(T, (len(inside), 4, 4)) for T in T_palm)
        filled[inside] = apply(interpolate(start, end, fraction), shape)
    return filled


def fill_confidence(confidence: FloatArray, gaps: list[Gap]) -> FloatArray:
    """Confidence (N,) where a filled frame takes the lower one of the two frames it was made from."""
    filled = confidence.copy()
    for gap in gaps:
        filled[gap.start : gap.stop] = min(confidence[gap.start - 1], confidence[gap.stop])
    return filled


def fill_sigma(sigma_m: FloatArray, gaps: list[Gap]) -> FloatArray:
    """Standard deviations (N, 3) where a filled frame takes the larger one of the two frames it was made from."""
    filled = sigma_m.copy()
    for gap in gaps:
        filled[gap.start : gap.stop] = np.maximum(sigma_m[gap.start - 1], sigma_m[gap.stop])
    return filled


def _fraction(timestamp_ns: IntArray, gap: Gap) -> FloatArray:
    before, after = timestamp_ns[gap.start - 1], timestamp_ns[gap.stop]
    return np.asarray((timestamp_ns[gap.start : gap.stop] - before) / (after - before))
