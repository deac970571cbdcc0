"""Episodes with too few steps at which any arm is known."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from humandata.filters.filter import Candidate, Filter


class Coverage(Filter):
    """Some arm must have been observed, not filled in, at most of the steps."""

    name: ClassVar[str] = "coverage"
    reason: ClassVar[str] = "too few steps at which an arm was observed (share)"
    at_least: ClassVar[bool] = True

    min_fraction: float = Field(default=0.75, ge=0, le=1, description="EgoVLA asks for 20 of 26 joints")

    @property
    def limit(self) -> float:
        """In [0, 1]."""
        return self.min_fraction

    def measure(self, candidate: Candidate) -> float:
        """Share of the steps at which at least one arm is valid and not interpolated."""
        observed = [arm.valid & ~arm.interpolated for arm in candidate.arms.values()]
        return float(np.logical_or.reduce(observed).mean())
