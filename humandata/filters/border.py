"""Episodes whose hands are cut off by the edge of the picture."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field, NonNegativeFloat

from humandata.filters.filter import Candidate, Filter


class Border(Filter):
    """Beyond the edge of the picture a detector guesses."""

    name: ClassVar[str] = "border"
    reason: ClassVar[str] = "the hands leave the picture (share of landmarks at its border)"
    at_least: ClassVar[bool] = False

    margin_px: NonNegativeFloat = Field(default=5.0, description="this near the border is at the border (Phantom)")
    max_fraction: float = Field(default=0.1, ge=0, le=1, description="Phantom")

    @property
    def limit(self) -> float:
        """In [0, 1]."""
        return self.max_fraction

    def measure(self, candidate: Candidate) -> float:
        """Share of the landmarks within `margin_px` of the border or beyond it; NaN where there are no landmarks."""
        hands = [arm.hand.landmarks_px[arm.valid] for arm in candidate.arms.values() if arm.hand]
        if candidate.camera is None or not sum(map(len, hands)):
            return float("nan")
        landmarks = np.concatenate(hands)
        size = np.array([candidate.camera.width, candidate.camera.height])
        inside = (landmarks >= self.margin_px) & (landmarks <= size - 1 - self.margin_px)
        return 1.0 - float(inside.all(axis=-1).mean())
