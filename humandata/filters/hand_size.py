"""Episodes whose hands are too small in the picture to be told apart from noise."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field, NonNegativeFloat

from humandata.filters.filter import Candidate, Filter

_REFERENCE_WIDTH_PX = 640


class HandSize(Filter):
    """The median area of the box around a hand's landmarks."""

    name: ClassVar[str] = "hand_size"
    reason: ClassVar[str] = "the hands are too small in the picture (square pixels at a width of 640)"
    at_least: ClassVar[bool] = True

    min_area_px: NonNegativeFloat = Field(
        default=500.0,
        description="own choice: EgoZero asks for 1000 of the box it detects, which is wider than the hand",
    )

    @property
    def limit(self) -> float:
        """Square pixels in a picture 640 wide."""
        return self.min_area_px

    def measure(self, candidate: Candidate) -> float:
        """Median area over all valid hands, in square pixels of a picture 640 wide; NaN where there are none."""
        hands = [arm.hand.landmarks_px[arm.valid] for arm in candidate.arms.values() if arm.hand]
        if candidate.camera is None or not sum(map(len, hands)):
            return float("nan")
        sides = np.ptp(np.concatenate(hands), axis=1) * _REFERENCE_WIDTH_PX / candidate.camera.width
        return float(np.median(sides.prod(axis=-1)))
