"""Which pictures of a video are kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
from hand_builders import detection, moving_hand

from humandata.pipelines.frame_pictures import FramePictures
from humandata.video.spool import PictureSpool

HAND = detection(moving_hand("right", 1)[0], "right")


@contextmanager
def pictures_of(num_frames: int, without: Iterable[int], reach: int, ahead: int = 0) -> Iterator[FramePictures]:
    """Of frames as bright as their numbers, every third a step, no hand in those `without`; told so much later."""
    lost = set(without)
    with PictureSpool() as steps, PictureSpool() as others:
        pictures = FramePictures(steps, others, 95, lambda hands: not hands, reach)
        for index in range(num_frames + ahead):
            if index < num_frames:
                pictures.add(index, np.full((16, 16, 3), index, np.uint8), index % 3 == 0)
            if index >= ahead:
                pictures.tell(() if index - ahead in lost else (HAND,))
        yield pictures


def shown(pictures: FramePictures, num_frames: int) -> list[int]:
    """The frame that is shown for each."""
    return [round(float(pictures.read(index).mean())) for index in range(num_frames)]


def test_frames_near_one_that_left_doubt_are_kept_and_elsewhere_the_steps() -> None:
    for ahead in (0, 7):  # an estimator that works in batches
        with pictures_of(28, {10}, reach=4, ahead=ahead) as pictures:
            seen = shown(pictures, 28)
        assert seen[6:15] == list(range(6, 15))
        assert [seen[0], seen[3], seen[18], seen[27]] == [0, 3, 18, 27]
        assert all(abs(index - frame) <= 1 for index, frame in enumerate(seen))  # no further than the nearest step
        assert seen[1] != 1
        assert seen[25] != 25


def test_a_video_that_ends_in_doubt_keeps_its_end_and_one_without_doubt_its_steps() -> None:
    with pictures_of(10, {9}, reach=3) as pictures:
        assert shown(pictures, 10)[6:] == [6, 7, 8, 9]
    with pictures_of(10, (), reach=3) as pictures:
        assert set(shown(pictures, 10)) == {0, 3, 6, 9}
