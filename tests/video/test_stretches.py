"""The stretches of a video are, put together, what one pass over it gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from humandata.video.decode import decode
from humandata.video.parts import WHOLE
from humandata.video.probe import probe
from humandata.video.stretches import Stretch, stretches

MakeVideo = Callable[..., Path]


@pytest.mark.parametrize(
    ("length", "overlap", "own"),
    [
        (6, 2, [6, 6, 6, 2]),
        (6, 5, [6, 6, 6, 2]),  # each frame but the first is in several
        (10, 3, [10, 10]),
        (9, 4, [9, 9, 2]),  # the last one begins behind the end of the file
        (20, 1, [20]),
        (300, 30, [20]),
    ],
)
def test_stretches_show_the_frames_of_one_pass(
    make_video: MakeVideo, length: int, overlap: int, own: list[int]
) -> None:
    path = make_video()
    info = probe(path)
    whole = list(decode(path, info))
    first = 0
    for stretch, expected in zip(stretches(decode(path, info), length, overlap), own, strict=True):
        frames = list(stretch)
        begin, end = max(first - overlap, 0), min(first + expected + overlap, len(whole))
        for frame, other in zip(frames, whole[begin:end], strict=True):
            assert frame.timestamp_ns == other.timestamp_ns
            assert (frame.image == other.image).all()
        answered = [frame.timestamp_ns for frame in frames if stretch.part.answers_for(frame.timestamp_ns)]
        assert answered == [frame.timestamp_ns for frame in whole[first : first + expected]]
        first += expected
        assert stretch.is_last == (first == len(whole))
    assert first == len(whole)


def test_a_video_of_one_stretch_is_looked_at_as_a_whole(make_video: MakeVideo) -> None:
    path = make_video()
    [stretch] = gone_through(path, 300)
    assert stretch.part == WHOLE


def test_what_is_wrong_with_a_video_is_told_by_its_last_stretch(make_video: MakeVideo) -> None:
    path = make_video("clip.mkv", range(0, 60 * 3000, 3000))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    *_, last = gone_through(path, 6)
    assert last.warnings[0].startswith("truncated: frames end at 1.")


def gone_through(path: Path, length: int) -> list[Stretch]:
    found = []
    for stretch in stretches(decode(path, probe(path)), length, overlap=2):
        for _ in stretch:
            pass
        found.append(stretch)
    return found
