"""Episodes whose wrists turn faster than wrists do."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field, PositiveFloat

from humandata.filters.filter import Candidate, Filter
from humandata.filters.steps import step_angular_speeds, worst_share


class AngularSpeed(Filter):
    """A palm that flips over from one step to the next is a fault of the tracker."""

    name: ClassVar[str] = "angular_speed"
    reason: ClassVar[str] = "the end effector turns implausibly fast (share of steps)"
    at_least: ClassVar[bool] = False

    max_rad_s: PositiveFloat = Field(default=2.0 * np.pi, description="Phantom")
    max_fraction: float = Field(default=0.1, ge=0, le=1, description="share of steps that may be faster")

    @property
    def limit(self) -> float:
        """In [0, 1]."""
        return self.max_fraction

    def measure(self, candidate: Candidate) -> float:
        """Share of the steps between valid steps of an arm that turn faster than `max_rad_s`; the worse arm's."""
        return worst_share(step_angular_speeds(candidate), self.max_rad_s)
