"""Hands followed through the frames of a video: past frames that the estimator fails on, and among other people."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field

from humandata.arrays import Image
from humandata.errors import HumandataError
from humandata.geometry.cameras import Camera
from humandata.hands.estimator import HandDetection, HandTracker
from humandata.trajectories.duplicates import distinct_hands
from humandata.trajectories.people import may_be_two_people
from humandata.trajectories.search import KNOWN_FRACTION

MOST_FAILURES = 10
"""Frames of a video that the estimator may fail on."""
LOOK_EVERY_NS = 500_000_000
"""How often a frame whose hands may be two people's is looked at for more of them."""

Hands = tuple[HandDetection, ...]


@dataclass(frozen=True)
class Followed:
    """What was found in the frames that were read."""

    detections: list[Hands]
    """One for each frame."""
    failures: list[str]
    """What the estimator said of frames that it failed on; no hand is known of those."""


@dataclass
class Follower:
    """Tracks with an estimator that looks for `num_hands`, one person's.

    A tracker that has found so many looks for no more, whosever they are: of two people it may follow one hand each.
    Where hands are such as one person's seldom are, `among_people` is asked for that one frame, an estimator that looks
    for twice as many; from the first frame in which it finds more on, it takes over.
    """

    estimator: HandTracker
    among_people: HandTracker
    num_hands: int
    camera: Camera
    _last: tuple[int, Image] | None = field(default=None, init=False)
    _looked_ns: int | None = field(default=None, init=False)

    def follow(
        self, frames: Iterator[tuple[int, Image]], num_read: Callable[[], int], tell: Callable[[Hands], None]
    ) -> Followed:
        """The hands of each frame; one that the estimator fails on has none, and tracking starts anew behind it.

        `num_read` counts the frames that were read; `tell` is told the hands of one after the other. An estimator that
        fails more than `MOST_FAILURES` times is broken, and raises what it raises; so do errors of the input.
        """
        detections: list[Hands] = []
        failures: list[str] = []

        def found(hands: Hands) -> None:
            detections.append(hands)
            tell(hands)

        current, read = self.estimator, self._noted(frames)
        while True:
            try:
                with closing(current.track(read, self.camera)) as tracked:
                    for hands in tracked:
                        reads_ahead = num_read() > len(detections) + 1
                        more = () if current is self.among_people or reads_ahead else self._more_hands(hands)
                        found(more or hands)
                        if more:
                            current = self.among_people
                            break
                    else:
                        return Followed(detections, failures)
            except HumandataError:
                raise
            except Exception as error:
                if len(failures) == MOST_FAILURES:
                    raise
                lost = num_read() - len(detections)
                for _ in range(lost):
                    found(())
                failures.append(self._failure(error, lost))

    def _noted(self, frames: Iterator[tuple[int, Image]]) -> Generator[tuple[int, Image]]:
        for frame in frames:
            self._last = frame
            yield frame

    def _more_hands(self, hands: Hands) -> Hands:
        """All the hands of the frame read last, where `hands` may be two people's and there are more; else none."""
        if len(hands) < self.num_hands or self._last is None or not may_be_two_people(hands):
            return ()
        now_ns = self._last[0]
        if self._looked_ns is not None and now_ns - self._looked_ns < LOOK_EVERY_NS:
            return ()
        self._looked_ns = now_ns
        with closing(self.among_people.track(iter([self._last]), self.camera)) as tracked:
            seen = next(tracked, ())
        return seen if len(distinct_hands(seen, KNOWN_FRACTION)) > self.num_hands else ()

    def _failure(self, error: Exception, lost: int) -> str:
        reason = (str(error).splitlines() or [""])[0]
        seconds = self._last[0] / 1e9 if self._last else 0.0
        return f"the estimator failed at {seconds:.3f} s, which cost {lost} frames ({type(error).__name__}: {reason})"
