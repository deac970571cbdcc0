"""Which true hand each reported hand is, frame by frame, by where it lies in the picture and not by its side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from humandata.arrays import BoolArray, FloatArray, IntArray
from humandata.bench.estimates import Hands
from humandata.schemas.landmarks import SIDES
from humandata.studio.truth import Truth

MATCH_RADIUS = 0.5
"""Mean distance of the landmarks, as a share of the true hand's box, within which a report means that hand: generous,
so that precision and recall are about hands found and not about how well."""


@dataclass(frozen=True)
class Matches:
    """Sides by number, 0 left and 1 right.

    reported (T, 2) whether a side is reported; true_side (T, 2) which true hand that report lies on, -1 for none.
    """

    reported: BoolArray
    true_side: IntArray

    def found(self) -> BoolArray:
        """(T, 2) whether each true hand has a report on it, under whatever side."""
        return np.stack([(self.true_side == side).any(axis=1) for side in (0, 1)], axis=1)


def match(truth: Truth, hands: Hands) -> Matches:
    """Pair reports and true hands, nearest first; a true hand out of the picture or covered counts as well."""
    true_px = np.stack([truth.hands[side].landmarks_px for side in SIDES], axis=1)
    reported_px = np.stack([hands[side].landmarks_px for side in SIDES], axis=1)
    reported = np.asarray(np.isfinite(reported_px).all(axis=(2, 3)))
    distance = np.linalg.norm(reported_px[:, :, None] - true_px[:, None], axis=-1).mean(axis=-1)
    distance = np.nan_to_num(distance / box_size(true_px)[:, None], nan=np.inf)  # (T, reported, true)
    true_side = np.full(reported.shape, -1, dtype=np.int64)
    for frame, pairs in enumerate(distance):
        for _ in SIDES:
            report, true = np.unravel_index(int(np.argmin(pairs)), pairs.shape)
            if pairs[report, true] > MATCH_RADIUS:
                break
            true_side[frame, report] = true
            pairs[report, :] = np.inf
            pairs[:, true] = np.inf
    return Matches(reported, true_side)


def box_size(landmarks_px: FloatArray) -> FloatArray:
    """The longer side (...) in pixels of the tight box around landmarks (..., 21, 2)."""
    return np.asarray(np.max(landmarks_px.max(axis=-2) - landmarks_px.min(axis=-2), axis=-1))
