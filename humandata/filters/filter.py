"""What every filter is: a measure, a limit, and a reason."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Protocol

from humandata.arrays import IntArray
from humandata.geometry.cameras import Camera
from humandata.schemas.documents import Document
from humandata.schemas.episode import ArmTrack
from humandata.schemas.landmarks import Side


class Candidate(Protocol):
    """What a filter looks at; a `Segment` and an `Episode` are both such."""

    @property
    def timestamp_ns(self) -> IntArray:
        """(T,)."""

    @property
    def arms(self) -> dict[Side, ArmTrack]:
        """T steps each."""

    @property
    def camera(self) -> Camera | None:
        """Of the picture in whose pixels the landmarks are."""


@dataclass(frozen=True)
class Rejected:
    """Why a candidate was turned away: `value` was measured, `limit` is what the recipe allows."""

    rule: str
    reason: str
    value: float
    limit: float


class Filter(Document):
    """A rule and its settings. A subclass declares its settings as fields and says `measure` and `limit`.

    A candidate of which there is nothing to measure (`measure` gives NaN) is kept: it is another rule's business.
    """

    name: ClassVar[str]
    reason: ClassVar[str]
    """Why, in words, as in "rejected because {reason}"."""
    at_least: ClassVar[bool]
    """Whether the limit is a minimum; otherwise it is a maximum."""

    @property
    @abstractmethod
    def limit(self) -> float:
        """The smallest, or the largest, value that is kept."""

    @abstractmethod
    def measure(self, candidate: Candidate) -> float:
        """The figure that is compared with the limit."""

    def judge(self, candidate: Candidate) -> Rejected | None:
        """None to keep the candidate."""
        value = self.measure(candidate)
        beyond = value < self.limit if self.at_least else value > self.limit
        return Rejected(self.name, self.reason, value, self.limit) if beyond else None
