"""The parts of a long video are, put together, what one pass over it gives: every frame, its time, its picture."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from humandata.video.decode import decode
from humandata.video.parts import UNCUT, WHOLE, Part, cut_into_parts
from humandata.video.probe import probe

RunFfmpeg = Callable[..., None]

LENGTH_S = 1.0
OVERLAP_S = 0.3
X264 = ["-c:v", "libx264", "-g", "20", "-bf", "3", "-x264-params", "open-gop=1:scenecut=0:b-adapt=0"]
X265 = ["-c:v", "libx265", "-x265-params", "log-level=none:open-gop=1:keyint=20:min-keyint=20:bframes=3"]
JITTERED = ["-vf", "setpts='PTS+0.012*random(1)/TB',select='gt(random(2),0.3)'", "-fps_mode", "vfr"]
KINDS = {
    "h264.mp4": X264,
    "h264.mkv": X264,
    "h264.ts": [*X264, "-output_ts_offset", "33.7"],
    "hevc.mp4": X265,
    "hevc.ts": [*X265, "-output_ts_offset", "95441"],  # the clock of MPEG-TS begins anew 2.7 s later
    "vfr.mp4": [*JITTERED, "-enc_time_base", "1:90000", "-c:v", "libx264", "-g", "20", "-bf", "2"],
    "mpeg4.avi": ["-c:v", "mpeg4", "-g", "20", "-bf", "2"],
}


@pytest.fixture
def make_long(tmp_path: Path, run_ffmpeg: RunFfmpeg) -> Callable[[str], Path]:
    def make(kind: str) -> Path:
        source = ["-f", "lavfi", "-i", "testsrc2=size=96x64:rate=30:duration=4"]
        run_ffmpeg(*source, *KINDS[kind], tmp_path / kind)
        return tmp_path / kind

    return make


def seen(path: Path, rate_hz: float, part: Part = WHOLE) -> list[tuple[int, bytes]]:
    return [
        (frame.timestamp_ns, frame.image.tobytes()) for frame in decode(path, probe(path), rate_hz=rate_hz, part=part)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_parts_show_the_frames_of_one_pass(make_long: Callable[[str], Path], kind: str) -> None:
    path, rate_hz = make_long(kind), 12.5  # no divisor of 30 Hz: which frames are taken depends on where counting began
    cut = cut_into_parts(path, probe(path), rate_hz, LENGTH_S, OVERLAP_S)
    assert cut.warnings == ()
    parts = cut.parts
    whole = seen(path, rate_hz)
    assert len(parts) >= 3
    joined = []
    for part in parts:
        looked_at = seen(path, rate_hz, part)
        own = [frame for frame in looked_at if part.answers_for(frame[0])]
        assert len(own) == part.num_frames
        if part.start_ns is not None:
            assert 0.1 < (part.start_ns - looked_at[0][0]) / 1e9 <= OVERLAP_S
        if part.stop_ns is not None:
            assert 0.1 < (looked_at[-1][0] - part.stop_ns) / 1e9 < OVERLAP_S
        joined += own
    assert [time_ns for time_ns, _ in joined] == [time_ns for time_ns, _ in whole]
    assert joined == whole


def test_parts_are_cut_at_key_frames_and_about_as_long_as_asked(make_long: Callable[[str], Path]) -> None:
    path = make_long("h264.mp4")
    parts = cut_into_parts(path, probe(path), 30.0, LENGTH_S, OVERLAP_S).parts
    cuts_s = [part.start_ns / 1e9 for part in parts if part.start_ns is not None]
    assert np.allclose(np.array(cuts_s) * 30 % 20 % 20, 0, atol=1e-3)
    assert parts[0].start_ns is parts[-1].stop_ns is None
    assert [part.stop_ns for part in parts[:-1]] == [part.start_ns for part in parts[1:]]
    assert max(np.diff([0.0, *cuts_s, 4.0])) <= LENGTH_S + 20 / 30


def test_times_that_go_back_are_told(make_long: Callable[[str], Path]) -> None:
    path = make_long("h264.ts")
    path.write_bytes(path.read_bytes() * 2)
    [told] = cut_into_parts(path, probe(path), 30.0, LENGTH_S, OVERLAP_S).warnings
    found = re.fullmatch(r"its times go back: (\d+) frames are stored behind later ones, and may be left out", told)
    assert found is not None
    # All of the second time but its last second, give or take the frames that are stored before they are shown.
    assert 86 <= int(found[1]) <= 90


def test_a_short_video_and_one_with_hardly_a_key_frame_are_not_cut(
    tmp_path: Path, make_long: Callable[[str], Path], run_ffmpeg: RunFfmpeg
) -> None:
    path = make_long("h264.mp4")
    assert cut_into_parts(path, probe(path), 30.0, 4.5, OVERLAP_S) == UNCUT
    few_keys = tmp_path / "few.mp4"
    encoded = ["-i", path, "-c:v", "libx264", "-g", "1000", "-x264-params", "scenecut=0"]
    run_ffmpeg(*encoded, few_keys)
    assert cut_into_parts(few_keys, probe(few_keys), 30.0, LENGTH_S, OVERLAP_S) == UNCUT
    run_ffmpeg(*encoded, "-force_key_frames", "0.5", "-y", few_keys)
    assert len(cut_into_parts(few_keys, probe(few_keys), 30.0, LENGTH_S, OVERLAP_S).parts) == 2
    assert cut_into_parts(few_keys, probe(few_keys), 30.0, 0.6, OVERLAP_S) == UNCUT  # 3.5 s would be one part


def test_a_declared_length_that_is_not_there_makes_no_parts(make_long: Callable[[str], Path]) -> None:
    path = make_long("h264.mkv")
    info = probe(path)
    claimed = type(info)(**{**vars(info), "duration_ns": 3_600_000_000_000 * 10**6})
    assert len(cut_into_parts(path, claimed, 30.0, LENGTH_S, OVERLAP_S).parts) <= 5
