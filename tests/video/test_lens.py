from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from humandata.video.lens import find_lens
from humandata.video.probe import probe

FOCAL_KEY = "com.apple.quicktime.camera.focal_length.35mm_equivalent"
LENS_KEY = "com.apple.quicktime.camera.lens_model"


def atom(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content


def track_meta(items: dict[str, tuple[int, bytes]]) -> bytes:
    """The `meta` of a track as a phone writes it."""
    keys = b"".join(atom(b"mdta", key.encode()) for key in items)
    values = [atom(b"data", struct.pack(">II", kind, 0) + data) for kind, data in items.values()]
    listed = b"".join(atom(struct.pack(">I", index), value) for index, value in enumerate(values, start=1))
    handler = atom(b"hdlr", bytes(8) + b"mdta" + bytes(13))
    return atom(b"meta", handler + atom(b"keys", struct.pack(">II", 0, len(items)) + keys) + atom(b"ilst", listed))


def with_track_metadata(video: Path, items: dict[str, tuple[int, bytes]]) -> Path:
    """Put metadata into the first track. `moov` is last in what PyAV writes, so nothing else moves."""
    data = bytearray(video.read_bytes())
    moov, trak = data.rindex(b"moov") - 4, data.index(b"trak", data.rindex(b"moov")) - 4
    meta = track_meta(items)
    end = trak + int.from_bytes(data[trak : trak + 4], "big")
    data[end:end] = meta
    for start in (moov, trak):
        data[start : start + 4] = struct.pack(">I", int.from_bytes(data[start : start + 4], "big") + len(meta))
    video.write_bytes(data)
    return video


@pytest.mark.parametrize("name", ["clip.mov", "clip.mp4"])
@pytest.mark.parametrize("value", [(1, b"26.00mm"), (21, struct.pack(">H", 26)), (22, struct.pack(">I", 26))])
def test_the_focal_length_that_a_phone_keeps_with_its_track_is_found(
    make_video: Callable[..., Path], name: str, value: tuple[int, bytes]
) -> None:
    video = make_video(name, size=(160, 90))
    assert find_lens(probe(video).metadata, 160, 90) is None
    info = probe(with_track_metadata(video, {LENS_KEY: (1, b"iPhone back camera"), FOCAL_KEY: value}))
    lens = find_lens(info.metadata, info.width, info.height)
    assert lens is not None
    camera = lens.camera(1920, 1080)
    # by definition: the angle across the diagonal is that of a 26 mm lens on 36 x 24 mm film
    corner = camera.unproject([-0.5, -0.5], 1.0)
    np.testing.assert_allclose(np.linalg.norm(corner[:2]), np.hypot(36, 24) / 2 / 26, rtol=1e-4)


def test_the_focal_length_in_the_files_own_metadata_is_found(
    make_video: Callable[..., Path], run_ffmpeg: Callable[..., None], tmp_path: Path
) -> None:
    video = tmp_path / "phone.mov"
    tags = ["-metadata", f"{FOCAL_KEY}=13", "-metadata", "com.apple.quicktime.model=iPhone 13"]
    run_ffmpeg("-i", make_video(), *tags, "-movflags", "use_metadata_tags", "-c", "copy", video)
    lens = find_lens(probe(video).metadata, 64, 48)
    assert lens is not None
    assert lens.name == "iPhone 13, 13 mm equivalent"  # what was recorded counts before the model's main camera


def test_a_turned_phone_has_the_same_lens() -> None:
    lens = find_lens({FOCAL_KEY: "26"}, 1080, 1920)
    assert lens is not None
    assert lens.camera(1080, 1920).fx == lens.camera(1920, 1080).fx
    assert (lens.camera(1080, 1920).width, lens.camera(1080, 1920).cy) == (1080, 959.5)


@pytest.mark.parametrize("width_height", [(1920, 1080), (640, 480)])
def test_a_documented_phone_sees_as_wide_as_its_photographs(width_height: tuple[int, int]) -> None:
    # an iPhone 13 mini reports 67.8 degrees for its 4:3 format (AVCaptureDeviceFormat.videoFieldOfView): 26 mm, rounded
    lens = find_lens({"com.apple.quicktime.model": "iPhone 13 mini"}, *width_height)
    assert lens is not None
    edge = lens.camera(640, 480).unproject([639.5, 239.5], 1.0)
    assert abs(2 * np.degrees(np.arctan2(edge[0], 1.0)) - 67.8) < 1.0


@pytest.mark.parametrize(
    ("width", "height", "horizontal_deg", "vertical_deg"), [(1920, 1080, 118.2, 69.5), (1280, 960, 122.6, 94.4)]
)
def test_an_action_camera_is_a_fisheye_of_its_documented_angles(
    width: int, height: int, horizontal_deg: float, vertical_deg: float
) -> None:
    lens = find_lens({"firmware": "HD4.02.05.00.00"}, width, height)
    assert lens is not None
    camera = lens.camera(width, height)
    right, below = camera.unproject([[width - 0.5, (height - 1) / 2], [(width - 1) / 2, height - 0.5]], 1.0)
    np.testing.assert_allclose(2 * np.degrees(np.arctan(right[0])), horizontal_deg, rtol=1e-6)
    # the vertical angle is documented too, and not used: it shows how nearly equidistant the lens is
    np.testing.assert_allclose(2 * np.degrees(np.arctan(below[1])), vertical_deg, atol=3.1)


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"com.apple.quicktime.model": "iPhone 99"},
        {"com.apple.quicktime.model": "iPhone 13", LENS_KEY: "iPhone 13 front camera 2.71mm f/2.2"},
        {FOCAL_KEY: "0"},
        {FOCAL_KEY: "wide"},
        {"firmware": "HD9.01.01.60.00"},
    ],
)
def test_what_is_not_known_is_not_guessed(metadata: dict[str, str]) -> None:
    assert find_lens(metadata, 1920, 1080) is None


@pytest.mark.parametrize("cut", [1, 40, 200])
def test_broken_metadata_is_no_metadata(make_video: Callable[..., Path], cut: int) -> None:
    video = with_track_metadata(make_video(), {FOCAL_KEY: (1, b"26")})
    data = bytearray(video.read_bytes())
    place = data.index(b"ilst") - 4
    data[place : place + 4] = struct.pack(">I", 0xFFFFFFFF)
    data[-cut:] = bytes(cut)
    video.write_bytes(data)
    assert find_lens(probe(video).metadata, 64, 48) is None
