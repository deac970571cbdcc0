from __future__ import annotations

import os
import struct
import threading
import wave
from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import pytest

from humandata.errors import InputError
from humandata.video.decode import decode
from humandata.video.probe import probe

MakeVideo = Callable[..., Path]
RunFfmpeg = Callable[..., None]


def test_a_probe_tells_what_the_file_holds(make_video: MakeVideo) -> None:
    info = probe(make_video(size=(64, 48)))
    assert (info.width, info.height, info.rotation_deg) == (64, 48, 0)
    assert (info.codec, info.pixel_format, info.num_video_streams) == ("h264", "yuv444p", 1)
    assert info.average_rate_hz == pytest.approx(30.0)
    assert (info.start_ns, info.duration_ns) == (0, 666_666_667)
    assert not info.is_hdr


@pytest.mark.parametrize("rotation_deg", [90, 180, 270])
def test_the_size_is_the_displayed_one(make_video: MakeVideo, rotation_deg: int) -> None:
    info = probe(make_video(rotation_deg=rotation_deg, size=(64, 48)))
    assert info.rotation_deg == rotation_deg
    assert (info.width, info.height) == ((64, 48) if rotation_deg == 180 else (48, 64))


def test_pixels_that_are_not_square_widen_the_display(
    tmp_path: Path, make_video: MakeVideo, run_ffmpeg: RunFfmpeg
) -> None:
    path = tmp_path / "anamorphic.mkv"
    run_ffmpeg("-i", make_video(ticks=[0], size=(60, 48)), "-vf", "setsar=4/3", "-c:v", "ffv1", path)
    info = probe(path)
    assert (info.width, info.height) == (80, 48)
    (frame,) = decode(path, info)
    assert frame.image.shape == (48, 80, 3)


@pytest.mark.parametrize(("start_s", "suffix"), [(1, "mp4"), (1, "mkv"), (3600, "mp4")])
def test_start_and_duration_are_apart(make_video: MakeVideo, start_s: int, suffix: str) -> None:
    info = probe(make_video(f"late.{suffix}", [start_s * 90_000 + 3000 * i for i in range(10)]))
    assert info.start_ns == start_s * 10**9
    assert info.duration_ns == pytest.approx(333_333_333, abs=1_000_000)  # Matroska's tick is a millisecond


def test_hdr_is_recognised(make_video: MakeVideo) -> None:
    arguments = {"ticks": [0], "codec": "ffv1", "pixel_format": "yuv420p10le"}
    assert probe(make_video("pq.mkv", color_trc=16, **arguments)).is_hdr
    assert probe(make_video("hlg.mkv", color_trc=18, **arguments)).color_transfer == "arib-std-b67"


def nothing(path: Path) -> None:
    assert not path.exists()


def empty(path: Path) -> None:
    path.touch()


def text(path: Path) -> None:
    path.write_text("dear diary, this is not a video\n" * 50)


def noise(path: Path) -> None:
    path.write_bytes(bytes((i * i * 31 + 7) % 251 for i in range(5000)))


def folder(path: Path) -> None:
    path.mkdir()


def dangling_link(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


def pipe(path: Path) -> None:
    os.mkfifo(path)


def wav_audio(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"\0\0" * 800)


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (empty, "empty"),
        (text, "holds text"),
        (noise, "not a video"),
        (folder, "not a regular file"),
        (dangling_link, "link"),
        (pipe, "not a regular file"),
        (wav_audio, "not a video"),
        (nothing, "no such file"),
    ],
)
def test_what_is_no_video_is_refused_with_the_reason(tmp_path: Path, write: Callable[[Path], None], says: str) -> None:
    path = tmp_path / "clip.mp4"
    write(path)
    with pytest.raises(InputError, match=rf"clip\.mp4: .*{says}"):
        probe(path)


@pytest.mark.parametrize("cover", [False, True])
def test_audio_is_no_video_even_with_a_cover_picture(
    tmp_path: Path, make_video: MakeVideo, run_ffmpeg: RunFfmpeg, cover: bool
) -> None:
    path = tmp_path / "song.mp4"
    picture = ["-i", make_video(ticks=[0]), "-map", "1", "-c:v", "mjpeg", "-disposition:v", "attached_pic"]
    silence = ["-f", "lavfi", "-i", "anullsrc", *(picture if cover else []), "-map", "0", "-t", "0.1"]
    run_ffmpeg(*silence, path)
    with pytest.raises(InputError, match=r"no video stream \(the file holds audio"):
        probe(path)


def test_an_mp4_cut_before_its_index_says_so(make_video: MakeVideo) -> None:
    path = make_video()
    path.write_bytes(path.read_bytes()[:-1500])
    with pytest.raises(InputError, match="index is missing"):
        probe(path)


def test_a_header_that_claims_an_absurd_size_is_refused(make_video: MakeVideo) -> None:
    path = make_video("huge.avi", [0], time_base=Fraction(1, 30), codec="rawvideo", pixel_format="bgr24")
    data = bytearray(path.read_bytes())
    width_at = data.index(b"strf") + 12  # chunk name and length, then biSize, biWidth, biHeight
    assert struct.unpack_from("<i", data, width_at) == (64,)
    struct.pack_into("<ii", data, width_at, 30_000, 30_000)
    path.write_bytes(data)
    with pytest.raises(InputError, match="67,108,864 pixels"):
        probe(path)


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Callable[[], bool]]:
    """Whether somebody has opened the named pipe `canary.ts`: opening blocks until a thread here has noticed."""
    path, opened, stop = tmp_path / "canary.ts", threading.Event(), threading.Event()
    os.mkfifo(path)

    def watch() -> None:
        while not stop.wait(0.01):
            with suppress(OSError):  # nobody has it open for reading
                os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
                opened.set()

    thread = threading.Thread(target=watch)
    thread.start()

    def sang() -> bool:
        stop.set()
        thread.join()
        return opened.is_set()

    yield sang
    sang()


FFCONCAT = "ffconcat version 1.0\nfile canary.ts\n"
PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\ncanary.ts\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize("script", [FFCONCAT, PLAYLIST])
def test_a_script_named_as_a_video_opens_no_other_file(
    tmp_path: Path, make_video: MakeVideo, canary: Callable[[], bool], script: str
) -> None:
    trick = tmp_path / "trick.mp4"
    trick.write_text(script)
    with pytest.raises(InputError, match="holds text"):
        probe(trick)
    with pytest.raises(InputError, match="no frame could be decoded"):
        next(iter(decode(trick, probe(make_video()))))
    assert not canary()


def test_the_canary_sings_when_the_script_is_opened_without_the_fences(
    tmp_path: Path, canary: Callable[[], bool]
) -> None:
    trick = tmp_path / "trick.mp4"
    trick.write_text(FFCONCAT)
    with pytest.raises(av.error.FFmpegError):
        av.open(str(trick))
    assert canary()
