"""One frame that the estimator fails on costs that frame, and two people's hands are all followed."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from hand_builders import CAMERA, detection, moving_hand

from humandata.arrays import Image
from humandata.errors import InputError
from humandata.geometry.cameras import Camera
from humandata.hands.estimator import HandDetection
from humandata.trajectories.follow import MOST_FAILURES, NUM_LOOKED_AT, Follower

HAND = detection(moving_hand("right", 1)[0], "right")


class Crashing:
    """Sees a hand everywhere, and fails on frames whose picture is of a certain grey."""

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

    follower = Follower(Crashing(), Crashing(), 2, CAMERA)
    followed = follower.follow(frames(), lambda: len(timestamps), told.append)
    assert told == followed.detections
    return [len(hands) for hands in followed.detections], followed.failures


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


class Seeing:
    """Sees the same hands in every frame, and counts the frames."""

    def __init__(self, *hands: HandDetection) -> None:
        self.hands = hands
        self.num_frames = 0

    def track(
        self, frames: Iterable[tuple[int, Image]], camera: Camera | None = None
    ) -> Generator[tuple[HandDetection, ...]]:
        del camera
        for _ in frames:
            self.num_frames += 1
            yield self.hands


LEFT = detection(moving_hand("left", 1, -0.15)[0], "left")
RIGHT = detection(moving_hand("right", 1, 0.15)[0], "right")
ACROSS = [1.0, -1.0, 1.0], [0.0, -0.2, 0.4]
"""Upside down and further away: by which factors and where to."""
ACROSS_LEFT = detection(moving_hand("left", 1, 0.15)[0] * ACROSS[0] + ACROSS[1], "left")
ACROSS_RIGHT = detection(moving_hand("right", 1, -0.15)[0] * ACROSS[0] + ACROSS[1], "right")


def follow(estimator: Seeing, among_people: Seeing, num_frames: int = 30) -> list[int]:
    read: list[int] = []

    def frames() -> Generator[tuple[int, Image]]:
        for index in range(num_frames):
            read.append(index)
            yield index * 33_333_333, np.zeros((4, 4, 3), np.uint8)

    follower = Follower(estimator, among_people, 2, CAMERA)
    followed = follower.follow(frames(), lambda: len(read), lambda _: None)
    return [len(hands) for hands in followed.detections]


def test_of_two_people_no_hand_is_overlooked_because_two_are_tracked() -> None:
    estimator, among_people = Seeing(RIGHT, ACROSS_LEFT), Seeing(RIGHT, LEFT, ACROSS_LEFT, ACROSS_RIGHT)
    assert follow(estimator, among_people) == [2] * (NUM_LOOKED_AT - 1) + [4] * (31 - NUM_LOOKED_AT)
    assert estimator.num_frames == NUM_LOOKED_AT


def test_hands_that_may_be_two_peoples_and_are_not_are_looked_at_now_and_then() -> None:
    among_people = Seeing(RIGHT, ACROSS_LEFT)
    assert follow(Seeing(RIGHT, ACROSS_LEFT), among_people, num_frames=120) == [2] * 120
    assert among_people.num_frames == 3 * NUM_LOOKED_AT  # in four seconds: after none, one and three


def test_a_persons_usual_hands_cost_no_second_look() -> None:
    among_people = Seeing(RIGHT, LEFT, ACROSS_LEFT)
    assert follow(Seeing(RIGHT, LEFT), among_people) == [2] * 30
    assert among_people.num_frames == 0


class Wavering(Seeing):
    """Takes the left hand for a right one in every third frame."""

    def track(
        self, frames: Iterable[tuple[int, Image]], camera: Camera | None = None
    ) -> Generator[tuple[HandDetection, ...]]:
        for index, hands in enumerate(super().track(frames, camera)):
            yield tuple(replace(hand, side="right") for hand in hands) if index % 3 == 0 else hands


def test_a_side_told_wrongly_now_and_then_costs_no_second_look() -> None:
    among_people = Seeing(RIGHT, LEFT)
    assert follow(Wavering(RIGHT, LEFT), among_people, num_frames=60) == [2] * 60
    assert among_people.num_frames == 0


class SeeingInBatches(Seeing):
    """The same four frames at a time."""

    def track(
        self, frames: Iterable[tuple[int, Image]], camera: Camera | None = None
    ) -> Generator[tuple[HandDetection, ...]]:
        left = iter(frames)
        while batch := list(islice(left, 4)):
            yield from super().track(batch, camera)


def test_from_an_estimator_that_reads_ahead_no_frame_is_taken() -> None:
    among_people = SeeingInBatches(RIGHT, LEFT, ACROSS_LEFT, ACROSS_RIGHT)
    assert follow(SeeingInBatches(RIGHT, ACROSS_LEFT), among_people) == [2] * 30
    assert among_people.num_frames == 0
