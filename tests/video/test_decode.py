from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import humandata.video.decode as decode_module
from humandata.errors import InputError
from humandata.video.decode import Frame, decode, fit_size
from humandata.video.ffmpeg_program import can_tone_map, ffmpeg_executable
from humandata.video.probe import probe
from humandata.video.rates import thin

MakeVideo = Callable[..., Path]
RunFfmpeg = Callable[..., None]

THIRTIETH = Fraction(1, 30)
JITTERED = [0, 3000, 3100, 9000, 18_001, 18_002, 30_000, 33_300, 36_100, 51_000]


def frames_of(path: Path, max_side: int | None = None, rate_hz: float | None = None) -> list[Frame]:
    return list(decode(path, probe(path), max_side=max_side, rate_hz=rate_hz))


def nanoseconds(ticks: list[int]) -> list[int]:
    return [round(tick * 10**9 / 90_000) for tick in ticks]


def source_indices(frames: list[Frame]) -> list[int]:
    """Which source frame each picture is, read from its grey level; two levels of error are allowed, ten apart."""
    levels = [float(frame.image[-4:, -4:].mean()) for frame in frames]
    indices = [round((level - 20) / 10) for level in levels]
    assert all(abs(level - 20 - 10 * index) < 2 for level, index in zip(levels, indices, strict=True))
    return indices


@pytest.mark.parametrize("start", [0, 90_000, 324_000_090])
@pytest.mark.parametrize("rate_hz", [None, 1000.0])
def test_every_frame_has_the_tick_of_the_container(make_video: MakeVideo, start: int, rate_hz: float | None) -> None:
    ticks = [start + tick for tick in JITTERED]
    if rate_hz is not None:
        ticks = [tick for tick in ticks if tick - start not in (3100, 18_002)]  # closer than a slot of 1 ms
    frames = frames_of(make_video("vfr.mp4", ticks), rate_hz=rate_hz)
    assert [frame.timestamp_ns for frame in frames] == nanoseconds(ticks)
    assert source_indices(frames) == list(range(len(ticks)))


def test_matroska_keeps_its_milliseconds(make_video: MakeVideo) -> None:
    frames = frames_of(make_video("vfr.mkv", [90_000, 93_000, 96_001, 180_000]))
    assert [frame.timestamp_ns for frame in frames] == [10**9, 1_033_000_000, 1_067_000_000, 2 * 10**9]


def test_frames_in_presentation_order_when_stored_in_another(
    tmp_path: Path, make_video: MakeVideo, run_ffmpeg: RunFfmpeg
) -> None:
    path = tmp_path / "bframes.mp4"
    run_ffmpeg("-i", make_video(), "-c:v", "libx264", "-crf", "4", "-bf", "3", "-x264-params", "b-adapt=0", path)
    frames = frames_of(path)
    assert source_indices(frames) == list(range(20))
    assert [frame.timestamp_ns for frame in frames] == nanoseconds([3000 * i for i in range(20)])


@pytest.mark.parametrize("rate_hz", [2.0, 7.5, 15.0, 20.0, 29.97, 60.0])
def test_thinning_in_ffmpeg_is_the_rule_on_true_timestamps(make_video: MakeVideo, rate_hz: float) -> None:
    ticks = [45_000 + 4 * tick for tick in JITTERED]
    path = make_video("vfr.mp4", ticks)
    frames = frames_of(path, rate_hz=rate_hz)
    expected = np.flatnonzero(thin(nanoseconds(ticks), rate_hz, probe(path).average_rate_hz))
    assert source_indices(frames) == expected.tolist()
    assert [frame.timestamp_ns for frame in frames] == [nanoseconds(ticks)[index] for index in expected]


CORNERS = {"top left": np.s_[4:20, 4:20], "top right": np.s_[4:20, -20:-4], "bottom left": np.s_[-20:-4, 4:20]}
CORNERS["bottom right"] = np.s_[-20:-4, -20:-4]


@pytest.mark.parametrize(
    ("rotation_deg", "corner"), [(0, "top left"), (90, "top right"), (180, "bottom right"), (270, "bottom left")]
)
def test_pictures_are_upright_and_in_rgb_order(make_video: MakeVideo, rotation_deg: int, corner: str) -> None:
    (frame,) = frames_of(make_video(ticks=[0], rotation_deg=rotation_deg))
    assert frame.image.shape == ((64, 48, 3) if rotation_deg % 180 else (48, 64, 3))
    for name, region in CORNERS.items():
        color = (255, 0, 0) if name == corner else (20, 20, 20)
        assert np.abs(frame.image[region].reshape(-1, 3).mean(axis=0) - color).max() < 4  # H.264 at crf 4


def test_pictures_are_scaled_to_the_longer_side(make_video: MakeVideo) -> None:
    decoding = decode(path := make_video(rotation_deg=90), probe(path), max_side=32)
    assert (decoding.width, decoding.height) == (24, 32)
    assert {frame.image.shape for frame in decoding} == {(32, 24, 3)}


def test_odd_and_one_pixel_videos_decode(make_video: MakeVideo) -> None:
    assert frames_of(make_video("odd.mp4", size=(65, 49)))[0].image.shape == (48, 64, 3)
    (pixel,) = frames_of(make_video("pixel.mkv", [0], size=(1, 1), codec="ffv1"))
    assert pixel.image.shape == (1, 1, 3)


@given(st.integers(1, 8192), st.integers(1, 8192), st.integers(2, 4096))
def test_the_fitted_size_is_even_within_bounds_and_keeps_the_aspect(width: int, height: int, max_side: int) -> None:
    fitted = fit_size(width, height, max_side)
    scale = min(1.0, max_side / max(width, height))
    for side, source in zip(fitted, (width, height), strict=True):
        assert 1 <= side <= source
        assert side % 2 == 0 or source == 1
        assert side <= 2 or abs(side - source * scale) <= 2


@pytest.mark.parametrize("color_trc", [16, 18])
def test_hdr_is_tone_mapped(make_video: MakeVideo, color_trc: int) -> None:
    arguments = {"ticks": [0, 3000], "codec": "ffv1", "pixel_format": "yuv420p10le"}
    path = make_video("hdr.mkv", color_trc=color_trc, **arguments)
    plain = make_video("sdr.mkv", **arguments)
    decoding = decode(path, probe(path))
    mapped = [frame.image for frame in decoding]
    if not can_tone_map(ffmpeg_executable()):
        assert "not tone-mapped" in decoding.warnings[0]
        return
    assert decoding.warnings == []
    assert len(mapped) == 2
    assert not np.array_equal(mapped[0], frames_of(plain)[0].image)
    red = mapped[0][4:20, 4:28].reshape(-1, 3).mean(axis=0)
    assert red[0] > 200
    assert red[1:].max() < 60


def cut(path: Path, fraction: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * fraction)])
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_truncated_file_gives_its_whole_frames_and_a_warning(make_video: MakeVideo, suffix: str) -> None:
    ticks = [9000 * i for i in range(20)]
    options = {"movflags": "faststart"} if suffix == "mp4" else {}
    path = cut(make_video(f"cut.{suffix}", ticks, codec="mjpeg", pixel_format="yuvj444p", options=options), 0.6)
    decoding = decode(path, probe(path))
    frames = list(decoding)
    assert 5 <= len(frames) < 15
    assert source_indices(frames[:-1]) == list(range(len(frames) - 1))
    assert any(warning.startswith("truncated: frames end at") for warning in decoding.warnings)
    assert not any("0x" in warning and "@" in warning for warning in decoding.warnings)
    first = list(decoding.warnings)
    assert len(list(decoding)) == len(frames)
    assert decoding.warnings == first


def test_a_whole_file_has_no_warnings(make_video: MakeVideo) -> None:
    for suffix in ("mp4", "mkv", "avi", "ts", "mov", "webm"):
        codec = "libvpx" if suffix == "webm" else "mpeg4"
        path = make_video(f"whole.{suffix}", range(20), time_base=THIRTIETH, codec=codec, pixel_format="yuv420p")
        decoding = decode(path, probe(path))
        assert len(list(decoding)) == 20, suffix
        assert decoding.warnings == [], suffix


def test_a_video_whose_frames_are_all_damaged_is_an_input_error(make_video: MakeVideo) -> None:
    path = make_video("bad.mp4", options={"movflags": "faststart"})
    info = probe(path)
    header, marker, pictures = path.read_bytes().partition(b"mdat")
    path.write_bytes(header + marker + bytes(len(pictures)))
    with pytest.raises(InputError, match=r"bad\.mp4: no frame can be decoded from its h264"):
        probe(path)
    with pytest.raises(InputError, match=r"bad\.mp4: no frame could be decoded"):
        list(decode(path, info))


@pytest.mark.parametrize("name", ["-i.mp4", "a b\n%d.mp4", "手を洗う.mp4", "käse:'|.mp4"])
def test_names_are_taken_literally(make_video: MakeVideo, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_video(name, [0, 3000])
    monkeypatch.chdir(path.parent)
    assert len(frames_of(Path(name))) == 2


def test_metadata_in_another_encoding_is_no_obstacle(
    tmp_path: Path, make_video: MakeVideo, run_ffmpeg: RunFfmpeg
) -> None:
    path = tmp_path / "titled.mp4"
    run_ffmpeg("-i", make_video(), "-c", "copy", "-metadata", "title=Cafe au lait", path)
    path.write_bytes(path.read_bytes().replace(b"Cafe", b"Caf\xe9"))
    assert probe(path).metadata["title"].endswith(" au lait")
    assert len(frames_of(path)) == 20


def test_a_damaged_file_decodes_alike_twice(make_video: MakeVideo) -> None:
    ticks = list(range(20))
    path = make_video("damaged.avi", ticks, time_base=THIRTIETH, codec="mpeg4", pixel_format="yuv420p")
    data = bytearray(path.read_bytes())
    pictures = range(data.index(b"movi") + 100, data.index(b"idx1"), 97)
    for position in pictures:
        data[position] ^= 0x55
    path.write_bytes(data)
    decoding = decode(path, probe(path))
    first, warnings = [frame.image.tobytes() for frame in decoding], decoding.warnings
    assert any(warning.startswith("damaged: ") for warning in warnings)
    assert [frame.image.tobytes() for frame in decoding] == first
    assert decoding.warnings == warnings


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that decoding starts, as it starts them."""
    started: list[subprocess.Popen[bytes]] = []

    class Recorded(subprocess.Popen):  # type: ignore[type-arg]  # only generic for type checkers
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **kwargs)  # type: ignore[call-overload]  # passed through as it came
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    return started


def test_closing_early_ends_ffmpeg(make_video: MakeVideo, processes: list[subprocess.Popen[bytes]]) -> None:
    path = make_video(size=(640, 480))
    with contextlib.closing(iter(decode(path, probe(path)))) as frames:
        next(frames)
        assert processes[-1].poll() is None  # 20 pictures of 900 kB do not fit a pipe: ffmpeg waits for its reader
    assert processes[-1].returncode is not None
    assert processes[-1].stdout is not None
    assert processes[-1].stdout.closed


def test_a_consumer_that_fails_ends_ffmpeg(make_video: MakeVideo, processes: list[subprocess.Popen[bytes]]) -> None:
    path = make_video(size=(640, 480))

    def consume() -> None:
        for _ in decode(path, probe(path)):
            raise ZeroDivisionError

    with contextlib.suppress(ZeroDivisionError):
        consume()
    assert processes[-1].returncode is not None


def test_a_decoder_that_hangs_is_killed(
    tmp_path: Path,
    make_video: MakeVideo,
    processes: list[subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = make_video()
    hanging = tmp_path / "ffmpeg"
    hanging.write_text('#!/bin/sh\n[ "$1" = -version ] || while :; do :; done\n')
    hanging.chmod(0o755)
    monkeypatch.setattr(decode_module, "ffmpeg_executable", lambda: str(hanging))
    decoding = decode(path, probe(path))
    decoding.stall_timeout_s = 0.2
    with pytest.raises(InputError, match=r"silent for 0\.2 s"):
        list(decoding)
    assert processes[-1].returncode == -9
