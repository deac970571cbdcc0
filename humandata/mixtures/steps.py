"""The eligible steps of a source, numbered: what a sample's number stands for."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from humandata.schemas.mixture import EpisodeSteps, parse_spans


class StepIndex:
    """Eligible steps in order of episode id, then of time. Memory grows with the number of spans, not of steps."""

    def __init__(self, steps: EpisodeSteps) -> None:
        self.episode_ids = sorted(steps.episodes)
        spans = [parse_spans(steps.episodes[episode_id]) for episode_id in self.episode_ids]
        edges = np.concatenate([np.zeros((0, 2), dtype=np.int64), *spans])
        self._episode = np.repeat(np.arange(len(spans)), [len(each) for each in spans])
        self._start = edges[:, 0]
        self._first = np.concatenate([[0], np.cumsum(edges[:, 1] - edges[:, 0])])

    def __len__(self) -> int:
        return int(self._first[-1])

    def locate(self, numbers: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of eligible steps by number (N,): the episode (N,), an index of `episode_ids`, and the step in it (N,)."""
        wanted = np.asarray(numbers, dtype=np.int64)
        span = np.searchsorted(self._first, wanted, side="right") - 1
        return self._episode[span], self._start[span] + wanted - self._first[span]
