"""Episodes of which the detector is not sure."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from humandata.filters.filter import Candidate, Filter


class Confidence(Filter):
    """The mean confidence over all that was observed."""

    name: ClassVar[str] = "confidence"
    reason: ClassVar[str] = "the detector was not sure (mean confidence)"
    at_least: ClassVar[bool] = True

    min_mean: float = Field(default=0.5, ge=0, le=1, description="EgoZero and the HaMeR demo ask for 0.5")

    @property
    def limit(self) -> float:
        """In [0, 1]."""
        return self.min_mean

    def measure(self, candidate: Candidate) -> float:
        """Mean confidence of the steps observed, of both arms; NaN where there are none."""
        observed = [arm.confidence[arm.valid & ~arm.interpolated] for arm in candidate.arms.values()]
        confidence = np.concatenate(observed)
        return float(confidence.mean()) if len(confidence) else float("nan")
