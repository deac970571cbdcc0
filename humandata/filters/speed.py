"""Episodes whose hands fly."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, PositiveFloat

from humandata.filters.filter import Candidate, Filter
from humandata.filters.steps import step_speeds, worst_share


class Speed(Filter):
    """A hand that jumps about in depth, or between two people, is faster than hands at work are."""

    name: ClassVar[str] = "speed"
    reason: ClassVar[str] = "the end effector moves implausibly fast (share of steps)"
    at_least: ClassVar[bool] = False

    max_m_s: PositiveFloat = Field(
        default=3.0,
        description="own choice, well above a brisk reach; the head's motion adds to it where it is unknown",
    )
    max_fraction: float = Field(default=0.1, ge=0, le=1, description="share of steps that may be faster")

    @property
    def limit(self) -> float:
        """In [0, 1]."""
        return self.max_fraction

    def measure(self, candidate: Candidate) -> float:
        """Share of the steps between valid steps of an arm that are faster than `max_m_s`; the worse arm's."""
        return worst_share(step_speeds(candidate), self.max_m_s)
