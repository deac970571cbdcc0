"""Who does what, for how long, and how much is left: times and weights, nothing of how it is shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import RLock

OVERDUE = 0.5
"""An item that is overdue is taken to need at least this much more of its time so far: bytes tell little of it."""


@dataclass(frozen=True)
class Doing:
    """What a worker is doing, and for how many seconds; `item` is None where it has nothing to do."""

    worker: str
    item: str | None
    seconds: float


class WorkClock:
    """Adds up the workers' time spent on each item; may be asked from another thread.

    Items differ in length, so they count by `weights`, such as their bytes. An item may be begun more than once and by
    several workers at a time, one for each of its parts: what counts is the time that all of them spend on it.
    """

    def __init__(self, weights: Mapping[str, float], now: Callable[[], float] = time.monotonic) -> None:
        self._weights = {name: max(weight, 1.0) for name, weight in weights.items()}
        self._now = now
        self._started = now()
        self._first_begun: float | None = None
        self._spent = dict.fromkeys(weights, 0.0)
        self._share = dict.fromkeys(weights, 0.0)
        self._finished: set[str] = set()
        self._failed: set[str] = set()
        self._workers: dict[str, tuple[str | None, float]] = {}
        self._lock = RLock()

    def begin(self, worker: str, item: str | None) -> None:
        """A worker begins an item, or has nothing to do any more."""
        with self._lock:
            self._first_begun = self._now() if self._first_begun is None else self._first_begun
            self._stop(worker)
            self._workers[worker] = (item, self._now())

    def finish_part(self, item: str, share: float) -> None:
        """A part of an item is done, so much of the whole."""
        with self._lock:
            self._share[item] += share

    def finish(self, item: str, failed: bool = False) -> None:
        """Nothing is left to do of an item; one that failed, mostly at once, tells nothing of how long others take."""
        with self._lock:
            if failed:
                self._failed.add(item)
            self._share[item] = 1.0
            for doing in self.doing():
                if doing.item == item:
                    self.begin(doing.worker, None)
            self._finished.add(item)

    def doing(self) -> list[Doing]:
        """What every worker that has begun anything does now; who has been at it longest comes first."""
        with self._lock:
            now = self._now()
            doing = [Doing(worker, item, now - since) for worker, (item, since) in self._workers.items()]
        return sorted(doing, key=lambda each: -each.seconds)

    @property
    def elapsed_s(self) -> float:
        """Since the clock was made."""
        return self._now() - self._started

    @property
    def num_finished(self) -> int:
        """Items."""
        return len(self._finished)

    @property
    def seconds_for_finished(self) -> float:
        """How long what is finished would have taken all who are at work now; at the end, how long it took."""
        with self._lock:
            num_at_work = sum(item is not None for item, _ in self._workers.values())
            if num_at_work:
                return self._finished_work_s() / num_at_work
            return self._now() - self._first_begun if self._first_begun is not None else 0.0

    @property
    def fraction(self) -> float:
        """How much is done, in [0, 1]; an item at work counts by its time, once it is known how long one takes."""
        with self._lock:
            left, pace = self._work_left_s(), self._pace()
            if left is None or pace is None:
                return float(len(self._finished) == len(self._weights))
            done = pace * sum(self._weights[item] for item in self._finished)
            done += sum(seconds for item, seconds in self._spent_s().items() if item not in self._finished)
            return done / (done + sum(left.values()))

    @property
    def seconds_left(self) -> float | None:
        """By the pace of what did not fail; None until anything is finished. Each part of an item takes one worker."""
        with self._lock:
            left = self._work_left_s()
            if left is None:
                return None
            at_work = [item for item, _ in self._workers.values() if item is not None]
            side_by_side = sum(left.values()) / max(1, len(at_work))
            return max([side_by_side, *(work_s / max(1, at_work.count(item)) for item, work_s in left.items())])

    def _stop(self, worker: str) -> None:
        item, since = self._workers.get(worker, (None, 0.0))
        if item is not None:
            self._spent[item] += self._now() - since

    def _finished_work_s(self) -> float:
        return sum(self._spent[item] for item in self._finished)

    def _pace(self) -> float | None:
        """Workers' seconds for one unit of weight; None until something tells it."""
        begun = [item for item, share in self._share.items() if share and item not in self._failed]
        spent = sum(self._spent[item] for item in begun)
        return spent / sum(self._weights[item] * self._share[item] for item in begun) if spent else None

    def _work_left_s(self) -> dict[str, float] | None:
        """Workers' time that each unfinished item still takes, by its weight; one that takes longer is never due."""
        pace = self._pace()
        if pace is None:
            return None
        spent = self._spent_s()
        return {
            item: max(weight * pace - spent[item], OVERDUE * spent[item])
            for item, weight in self._weights.items()
            if item not in self._finished
        }

    def _spent_s(self) -> dict[str, float]:
        """Workers' time on each item up to now."""
        spent = dict(self._spent)
        for doing in self.doing():
            if doing.item is not None:
                spent[doing.item] += doing.seconds
        return spent
