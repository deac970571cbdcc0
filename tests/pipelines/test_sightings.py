"""One frame that the estimator fails on costs that frame."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import ClassVar

import numpy as np
import pytest
from hand_builders import CAMERA, detection, moving_hand

from humandata.arrays import Image
from humandata.errors import InputError
from humandata.geometry.cameras import Camera
from humandata.hands.estimator import HandDetection
from humandata.pipelines.sightings import MOST_FAILURES, _track_past_failures

HAND = detection(moving_hand("right", 1)[0], "right")


class Crashing:
    """Sees a hand everywhere, and fails on frames whose picture is of a certain grey."""

    name: ClassVar[str] = "crashing"
    memory_bytes: ClassVar[int] = 1 << 30
    version = "1"
    weights_sha256 = "0" * 64

    def setup(self) -> None:
        pass

    def track(
        self, frames: Iterable[tuple[int, Image]], camera: Camera | None = None
    ) -> Generator[tuple[HandDetection, ...]]:
        del camera
        for _, image in frames:
            if image[0, 0, 0] == 255:
                raise RuntimeError("no such tensor")
            yield (HAND,)


def look(bad: set[int], num_frames: int, broken_at: int | None = None) -> tuple[list[int], list[str]]:
    timestamps: list[int] = []
    told: list[Sequence[HandDetection]] = []

    def frames() -> Generator[tuple[int, Image]]:
        for index in range(num_frames):
            if index == broken_at:
                raise InputError("the file ends here")
            timestamps.append(index * 10**9)
            yield timestamps[-1], np.full((4, 4, 3), 255 if index in bad else 0, np.uint8)

    found, failures = _track_past_failures(Crashing(), frames(), CAMERA, timestamps, told.append)
    assert told == found
    return [len(hands) for hands in found], failures


def test_a_frame_that_fails_has_no_hands_and_the_others_keep_theirs() -> None:
    counts, failures = look({2, 5}, 6)
    assert counts == [1, 1, 0, 1, 1, 0]
    assert len(failures) == 2
    assert "at 2.000 s, which cost 1 frames (RuntimeError: no such tensor)" in failures[0]


def test_an_estimator_that_fails_everywhere_and_a_broken_input_are_errors() -> None:
    with pytest.raises(RuntimeError, match="no such tensor"):
        look(set(range(20)), MOST_FAILURES + 1)
    with pytest.raises(InputError, match="ends here"):
        look(set(), 5, broken_at=3)
