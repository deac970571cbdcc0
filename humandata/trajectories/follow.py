"""Hands followed through the frames of a video: past frames that the estimator fails on, and among other people."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, islice

from humandata.arrays import Image
from humandata.errors import HumandataError
from humandata.geometry.cameras import Camera
from humandata.hands.estimator import HandDetection, HandTracker
from humandata.trajectories.duplicates import distinct_hands
from humandata.trajectories.people import may_be_two_people
from humandata.trajectories.search import KNOWN_FRACTION

MOST_FAILURES = 10
"""Frames of a video that the estimator may fail on."""
NUM_LOOKED_AT = 15
"""Frames that are looked at again for more hands: small ones are not found in every frame, but then followed."""
NUM_UNUSUAL = 8
"""Of those, frames with hands that may be two people's: a side that is told wrongly now and then is no reason."""
FIRST_WAIT_NS = 1_000_000_000
"""From one such look to the next, if hands may still be two people's; then twice as long each time."""

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
    Where hands are for a while such as one person's seldom are, `among_people`, an estimator that looks for twice as
    many, is given the frames before; if it finds more, it takes over.
    """

    estimator: HandTracker
    among_people: HandTracker
    num_hands: int
    camera: Camera
    _recent: deque[tuple[int, Image]] = field(default_factory=lambda: deque(maxlen=NUM_LOOKED_AT), init=False)
    _unusual: deque[bool] = field(default_factory=lambda: deque(maxlen=NUM_LOOKED_AT), init=False)
    _next_look_ns: int | None = field(default=None, init=False)
    _wait_ns: int = field(default=FIRST_WAIT_NS, init=False)

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

        reads_ahead = False  # then frames that a look takes would be missing, and none is taken
        current, read = self.estimator, self._noted(frames)
        tracked = current.track(read, self.camera)
        while True:
            try:
                with closing(tracked):
                    for hands in tracked:
                        reads_ahead = reads_ahead or num_read() > len(detections) + 1
                        settled = current is self.among_people or reads_ahead or not self._is_due(hands)
                        wider = None if settled else self._wider(read)
                        if wider is None:
                            found(hands)
                        else:
                            current, (more, tracked) = self.among_people, wider
                            found(more)
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
                tracked = current.track(read, self.camera)

    def _noted(self, frames: Iterator[tuple[int, Image]]) -> Generator[tuple[int, Image]]:
        for frame in frames:
            self._recent.append(frame)
            yield frame

    def _is_due(self, hands: Hands) -> bool:
        """Whether to look for more than the hands of the frame read last."""
        self._unusual.append(may_be_two_people(hands))
        if len(hands) < self.num_hands or len(self._recent) < NUM_LOOKED_AT or sum(self._unusual) < NUM_UNUSUAL:
            return False
        now_ns = self._recent[-1][0]
        if self._next_look_ns is not None and now_ns < self._next_look_ns:
            return False
        self._next_look_ns = now_ns + self._wait_ns
        self._wait_ns *= 2
        return True

    def _wider(self, read: Iterator[tuple[int, Image]]) -> tuple[Hands, Generator[Hands]] | None:
        """The hands of the frame read last and tracking from there on, if more are found; else None."""
        recent = list(self._recent)
        tracked = self.among_people.track(chain(recent, read), self.camera)
        last = list(islice(tracked, len(recent)))[-1]
        if len(distinct_hands(last, KNOWN_FRACTION)) > self.num_hands:
            return last, tracked
        tracked.close()
        return None

    def _failure(self, error: Exception, lost: int) -> str:
        reason = (str(error).splitlines() or [""])[0]
        seconds = self._recent[-1][0] / 1e9 if self._recent else 0.0
        return f"the estimator failed at {seconds:.3f} s, which cost {lost} frames ({type(error).__name__}: {reason})"
