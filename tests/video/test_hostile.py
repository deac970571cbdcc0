"""Damaged and odd media: each file gives frames in order of time, with a warning where some are lost, or an InputError.

HUMANDATA_HOSTILE=200 damages more places than the few of every run.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from humandata.errors import InputError
from humandata.video.decode import decode
from humandata.video.probe import probe

MakeVideo = Callable[..., Path]
RunFfmpeg = Callable[..., None]
PLACES = int(os.environ.get("HUMANDATA_HOSTILE", "8"))


def outcome(path: Path) -> tuple[int, str]:
    """Frames, and what was said."""
    try:
        decoding = decode(path, probe(path), max_side=64)
        stamps = [frame.timestamp_ns for frame in decoding]
    except InputError as error:
        said = str(error)
        return (0, said) if str(path) in said else (-1, "a message that does not name the file")
    assert stamps == sorted(set(stamps))
    return len(stamps), "; ".join(decoding.warnings)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_file_cut_anywhere_gives_what_is_whole_or_says_why_not(make_video: MakeVideo, suffix: str) -> None:
    path = make_video(f"whole{suffix}")
    whole = path.read_bytes()
    rng = random.Random(1)
    for _ in range(PLACES):
        path.write_bytes(whole[: rng.randrange(1, len(whole))])
        frames, said = outcome(path)
        assert frames <= 20
        assert said or frames == 20


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_flipped_bits_end_in_frames_or_a_message(make_video: MakeVideo, suffix: str) -> None:
    codec = "mpeg4" if suffix == ".avi" else "libx264"
    path = make_video(f"flipped{suffix}", range(20), time_base=Fraction(1, 30), codec=codec, pixel_format="yuv420p")
    whole = path.read_bytes()
    rng = random.Random(2)
    for _ in range(PLACES):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        frames, said = outcome(path)
        assert frames >= 0, said
        assert frames or said


def test_a_header_that_claims_the_longest_time_costs_nothing(make_video: MakeVideo) -> None:
    path = make_video("long.mp4")
    content = bytearray(path.read_bytes())
    for box in (b"mvhd", b"mdhd"):
        at = content.index(box) + 4
        assert content[at] == 0  # version 0: 32 bits
        content[at + 16 : at + 20] = (2**32 - 2).to_bytes(4, "big")
    path.write_bytes(content)
    frames, _ = outcome(path)
    assert frames == 20


ODD: dict[str, tuple[list[str], int]] = {
    "240 fps": (["-f", "lavfi", "-i", "testsrc=size=64x48:rate=240:duration=0.1"], 24),
    "one pixel": (["-f", "lavfi", "-i", "color=size=1x1:rate=10:duration=1", "-pix_fmt", "yuv444p"], 10),
    "odd size": (["-f", "lavfi", "-i", "testsrc=size=63x47:rate=10:duration=1", "-pix_fmt", "yuv444p"], 10),
    "4:4:4": (["-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=1", "-pix_fmt", "yuv444p"], 10),
    "10 bits": (["-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=1", "-pix_fmt", "yuv420p10le"], 10),
    "interlaced": (["-f", "lavfi", "-i", "testsrc=size=64x48:rate=25:duration=1", "-flags", "+ilme+ildct"], 25),
    "one frame": (["-f", "lavfi", "-i", "color=size=64x48:rate=10:duration=0.1"], 1),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_video_gives_every_frame(run_ffmpeg: RunFfmpeg, tmp_path: Path, kind: str) -> None:
    arguments, expected = ODD[kind]
    run_ffmpeg(*arguments, tmp_path / "odd.mp4")
    assert outcome(tmp_path / "odd.mp4") == (expected, "")


def test_the_first_of_several_video_streams_is_the_one(run_ffmpeg: RunFfmpeg, tmp_path: Path) -> None:
    sources = ["-f", "lavfi", "-i", "color=red:size=64x48:rate=10:duration=1"]
    sources += ["-f", "lavfi", "-i", "color=blue:size=32x32:rate=5:duration=1"]
    run_ffmpeg(*sources, "-map", "0", "-map", "1", tmp_path / "two.mkv")
    info = probe(tmp_path / "two.mkv")
    assert (info.width, info.num_video_streams) == (64, 2)
    assert outcome(tmp_path / "two.mkv") == (10, "")


def test_a_container_without_timestamps_gives_its_frames(
    make_video: MakeVideo, run_ffmpeg: RunFfmpeg, tmp_path: Path
) -> None:
    path = make_video("forward.mp4", [0, 3000, 6000, 9000, 12_000, 15_000], time_base=Fraction(1, 90_000))
    raw = tmp_path / "untimed.avi"  # AVI has no timestamps of its own
    run_ffmpeg("-i", path, "-c", "copy", raw)
    frames, _ = outcome(raw)
    assert frames >= 5
