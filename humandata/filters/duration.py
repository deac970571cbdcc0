"""Episodes too short to learn from."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, NonNegativeFloat

from humandata.filters.filter import Candidate, Filter


class Duration(Filter):
    """An episode must last as long as one chunk of actions, at the least."""

    name: ClassVar[str] = "duration"
    reason: ClassVar[str] = "the episode is too short (seconds)"
    at_least: ClassVar[bool] = True

    min_s: NonNegativeFloat = Field(default=1.0, description="a chunk of 50 actions at 50 Hz (arXiv 2512.22414)")

    @property
    def limit(self) -> float:
        """Seconds."""
        return self.min_s

    def measure(self, candidate: Candidate) -> float:
        """Seconds from the first step to the last."""
        return float(candidate.timestamp_ns[-1] - candidate.timestamp_ns[0]) / 1e9
