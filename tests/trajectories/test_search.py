"""Looking again: what tracking lost is found where it must be, and nothing else is."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass, field

import numpy as np
from hand_builders import CAMERA, detection, moving_hand, timestamps

from humandata.arrays import BoolArray, FloatArray, Image
from humandata.geometry.cameras import Camera
from humandata.hands.estimator import HandDetection
from humandata.schemas.landmarks import Side
from humandata.trajectories.associate import AssociateSettings
from humandata.trajectories.search import CROP_SIDE_PX, Search, SearchSettings

NUM_FRAMES = 40


@dataclass
class CloseEyes:
    """Sees a hand (N, 21, 3) only in a crop that it fills a good part of, at the frames it is `findable` in.

    A picture carries its frame's number in its pixels; where the crop lies is told by its camera.
    """

    hand: FloatArray
    findable: BoolArray
    side: Side = "right"
    looked_at: list[int] = field(default_factory=list)

    def close(self) -> None:
        pass

    def track(
        self, frames: Iterable[tuple[int, Image]], camera: Camera | None = None
    ) -> Generator[tuple[HandDetection, ...]]:
        del camera
        for _ in frames:
            yield ()

    def detect(self, image: Image, camera: Camera | None = None) -> tuple[HandDetection, ...]:
        assert camera is not None
        index = int(image[CROP_SIDE_PX // 2, CROP_SIDE_PX // 2, 0])
        self.looked_at.append(index)
        pixels = camera.project(self.hand[index])
        size = np.linalg.norm(np.ptp(pixels, axis=0))
        inside = ((pixels > 0) & (pixels < CROP_SIDE_PX)).all()
        if not inside or size < CROP_SIDE_PX / 4 or not self.findable[index]:
            return ()
        return (HandDetection(self.side, 0.6, pixels, self.hand[index] - self.hand[index].mean(axis=0)),)


def picture(index: int) -> Image:
    return np.full((CAMERA.height, CAMERA.width, 3), index, dtype=np.uint8)


def seen(hand: FloatArray, frames: Iterable[int]) -> list[list[HandDetection]]:
    return [[detection(hand[index], "right")] if index in set(frames) else [] for index in range(NUM_FRAMES)]


def search(
    eyes: CloseEyes, found: list[list[HandDetection]], num_hands: int = 2, **settings: float
) -> list[tuple[HandDetection, ...]]:
    everything = SearchSettings(**settings)
    return Search(
        eyes,
        picture,
        timestamps(NUM_FRAMES),
        CAMERA,
        everything,
        AssociateSettings(),
        num_hands,
    ).extend(found)


def test_a_track_is_followed_beyond_both_its_ends() -> None:
    hand = moving_hand("right", NUM_FRAMES)
    eyes = CloseEyes(hand, np.ones(NUM_FRAMES, dtype=bool))
    found = search(eyes, seen(hand, range(15, 20)))
    assert [len(hands) for hands in found] == [1] * NUM_FRAMES
    for index, (one,) in enumerate(found):
        np.testing.assert_allclose(one.landmarks_px, CAMERA.project(hand[index]), atol=1e-6)


def test_what_is_seen_already_is_not_looked_at_again() -> None:
    hand = moving_hand("right", NUM_FRAMES)
    eyes = CloseEyes(hand, np.ones(NUM_FRAMES, dtype=bool))
    before = seen(hand, range(NUM_FRAMES))
    assert search(eyes, before) == [tuple(hands) for hands in before]
    assert eyes.looked_at == []


def test_nothing_is_looked_for_where_as_many_hands_are_seen_as_there_are() -> None:
    lost, other = moving_hand("right", NUM_FRAMES), moving_hand("left", NUM_FRAMES) - [0.3, 0.0, 0.0]
    eyes = CloseEyes(lost, np.ones(NUM_FRAMES, dtype=bool))
    found = [[detection(other[index], "left")] for index in range(NUM_FRAMES)]
    for index in range(20):
        found[index].append(detection(lost[index], "right"))
    search(eyes, found, num_hands=1)
    assert eyes.looked_at == []
    search(eyes, found)
    assert min(eyes.looked_at) == 20


def test_the_search_gives_up_after_a_while() -> None:
    hand = moving_hand("right", NUM_FRAMES)
    eyes = CloseEyes(hand, np.zeros(NUM_FRAMES, dtype=bool))
    found = search(eyes, seen(hand, range(10)), max_unseen_s=0.2, scan_every_s=0)
    assert sum(map(len, found)) == 10
    assert max(eyes.looked_at) == 15  # 0.2 s after frame 9, at 30 Hz


def test_a_hand_that_is_unlike_the_one_lost_is_not_taken_for_it() -> None:
    hand = moving_hand("right", NUM_FRAMES)
    upside_down = hand.copy()
    centre = hand.mean(axis=1, keepdims=True)
    upside_down[20:] = (centre - (hand - centre) * [1.0, 1.0, -1.0])[20:]
    eyes = CloseEyes(upside_down, np.ones(NUM_FRAMES, dtype=bool))
    found = search(eyes, seen(hand, range(20)), scan_every_s=0)
    assert sum(map(len, found)) == 20


def test_a_hand_that_was_never_tracked_is_found_by_scanning() -> None:
    near = moving_hand("right", NUM_FRAMES) * [1.0, 1.0, 0.5]
    eyes = CloseEyes(near, np.ones(NUM_FRAMES, dtype=bool))
    found = search(eyes, [[] for _ in range(NUM_FRAMES)])
    assert [len(hands) for hands in found] == [1] * NUM_FRAMES


def test_searching_can_be_switched_off() -> None:
    hand = moving_hand("right", NUM_FRAMES)
    eyes = CloseEyes(hand, np.ones(NUM_FRAMES, dtype=bool))
    search(eyes, seen(hand, range(5)), max_unseen_s=0, scan_every_s=0)
    assert eyes.looked_at == []
