from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from humandata.errors import InputError
from humandata.schemas.sidecar import DepthSource
from humandata.video.companions import find_companion
from humandata.video.depth import open_depth

NUM_FRAMES = 20
FRAME_NS = 100_000_000 // 3  # `make_video` ticks at 30 Hz


def millimetres(index: int) -> NDArray[np.uint16]:
    """A wall at 500 mm + 10 mm a frame, with a hole."""
    wall = np.full((24, 32), 500 + 10 * index, np.uint16)
    wall[3, 4] = 0
    return wall


def write_pngs(folder: Path, names: list[str]) -> Path:
    folder.mkdir()
    for index, name in enumerate(names):
        cv2.imwrite(str(folder / name), millimetres(index))
    return folder


def write_npz(path: Path, **more: NDArray[np.generic]) -> Path:
    np.savez_compressed(path, allow_pickle=False, depth=np.stack([millimetres(i) for i in range(NUM_FRAMES)]), **more)
    return path


def write_grey_video(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=30)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "gray16le"
        for index in range(NUM_FRAMES):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(millimetres(index), format="gray16le")))
        container.mux(stream.encode(None))
    return path


def ordered(folder: Path) -> DepthSource:
    write_pngs(folder / "depth", [f"{index:06d}.png" for index in range(NUM_FRAMES)])
    return DepthSource(path="depth", scale_m=0.001)


def named_by_time(folder: Path) -> DepthSource:
    # names do not sort as their numbers do
    write_pngs(folder / "depth", [f"{5e9 + index * FRAME_NS:.0f}.png" for index in range(NUM_FRAMES)])
    return DepthSource(path="depth", scale_m=0.001, times="ns", offset_ns=-5_000_000_000)


def named_by_a_recorder(folder: Path) -> DepthSource:
    write_pngs(folder / "depth", [f"rs_Depth_{index / 30.0:.4f}.png" for index in range(NUM_FRAMES)])
    return DepthSource(path="depth", scale_m=0.001, times="s")


def array(folder: Path) -> DepthSource:
    write_npz(folder / "depth.npz")
    return DepthSource(path="depth.npz", scale_m=0.001)


def array_with_times(folder: Path) -> DepthSource:
    write_npz(folder / "depth.npz", timestamps=np.arange(NUM_FRAMES) / 30.0)
    return DepthSource(path="depth.npz", scale_m=0.001, times="s")


def grey_video(folder: Path) -> DepthSource:
    write_grey_video(folder / "depth.mkv")
    return DepthSource(path="depth.mkv", scale_m=0.001)


@pytest.mark.parametrize("write", [ordered, named_by_time, named_by_a_recorder, array, array_with_times, grey_video])
def test_every_kind_of_map_tells_metres_at_a_frames_time(
    make_video: Callable[..., Path], tmp_path: Path, write: Callable[[Path], DepthSource]
) -> None:
    maps = open_depth(make_video(), write(tmp_path), 64, 48)
    assert len(maps.timestamp_ns) == NUM_FRAMES
    for index in (0, 1, 7, 7, 3, NUM_FRAMES - 1):
        metres = maps.at(index * FRAME_NS + 1_000_000)
        assert metres is not None
        assert metres.shape == (24, 32)
        assert np.isnan(metres[3, 4])
        np.testing.assert_allclose(np.delete(metres, 3 * 32 + 4), 0.5 + 0.01 * index, rtol=1e-6)
    assert maps.at(-100_000_000) is None
    assert maps.at(NUM_FRAMES * FRAME_NS + 100_000_000) is None


def test_what_is_too_far_to_be_a_hand_is_a_hole(make_video: Callable[..., Path], tmp_path: Path) -> None:
    np.savez(tmp_path / "depth.npz", depth=np.full((NUM_FRAMES, 24, 32), 0xFFFF, np.uint16))
    metres = open_depth(make_video(), DepthSource(path="depth.npz", scale_m=0.001), 64, 48).at(0)
    assert metres is not None
    assert np.isnan(metres).all()


@pytest.mark.parametrize("name", ["../clip.mp4", "/etc/hostname", "a/../../x", "link", "absent", "..\\up", "nul\0"])
def test_a_sidecar_reaches_nothing_outside_the_videos_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "videos"
    folder.mkdir()
    (tmp_path / "clip.mp4").touch()
    (folder / "link").symlink_to(tmp_path / "clip.mp4")
    with pytest.raises(InputError):
        find_companion(folder / "lift.mp4", name)


def too_few(folder: Path) -> DepthSource:
    write_pngs(folder / "depth", ["0.png", "1.png"])
    return DepthSource(path="depth", scale_m=0.001)


def eight_bit(folder: Path) -> DepthSource:
    (folder / "depth").mkdir()
    for index in range(NUM_FRAMES):
        cv2.imwrite(str(folder / "depth" / f"{index}.png"), np.zeros((24, 32), np.uint8))
    return DepthSource(path="depth", scale_m=0.001)


def not_registered(folder: Path) -> DepthSource:
    np.savez(folder / "depth.npz", depth=np.zeros((NUM_FRAMES, 32, 24), np.uint16))
    return DepthSource(path="depth.npz", scale_m=0.001)


def pickled(folder: Path) -> DepthSource:
    np.savez(folder / "depth.npz", depth=np.array([[[{}]]], dtype=object))
    return DepthSource(path="depth.npz", scale_m=0.001)


def no_times(folder: Path) -> DepthSource:
    write_npz(folder / "depth.npz")
    return DepthSource(path="depth.npz", scale_m=0.001, times="s")


def text(folder: Path) -> DepthSource:
    (folder / "depth.npz").write_text("depth")
    return DepthSource(path="depth.npz", scale_m=0.001)


def past_the_end(folder: Path) -> DepthSource:
    """The archive's directory leads to a second header of an array, behind which the file ends."""
    path = folder / "depth.npz"
    write_npz(path, timestamps=np.arange(NUM_FRAMES) / 30.0)
    data = bytearray(path.read_bytes())
    entry, header = data.rindex(b"PK\x01\x02"), data.rindex(b"PK\x03\x04")
    lengths = (int.from_bytes(data[header + at : header + at + 2], "little") for at in (26, 28))
    local = bytes(data[header : header + 30 + sum(lengths)])
    data[entry + 42 : entry + 46] = len(data).to_bytes(4, "little")
    data[-2:] = len(local).to_bytes(2, "little")
    path.write_bytes(data + local)
    return DepthSource(path="depth.npz", scale_m=0.001, times="s")


def empty(folder: Path) -> DepthSource:
    (folder / "depth").mkdir()
    return DepthSource(path="depth", scale_m=0.001)


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (too_few, "2 depth maps for a video of 20 frames"),
        (eight_bit, "expected a 16-bit grey PNG"),
        (not_registered, "not registered"),
        (pickled, "expected"),
        (no_times, "have no times"),
        (text, "not a readable .npz"),
        (past_the_end, "not a readable .npz .'timestamps'"),
        (empty, "holds 0 PNGs"),
    ],
)
def test_what_is_wrong_with_depth_maps_is_said(
    make_video: Callable[..., Path], tmp_path: Path, write: Callable[[Path], DepthSource], told: str
) -> None:
    video, source = make_video(), write(tmp_path)
    with pytest.raises(InputError, match=told):
        open_depth(video, source, 64, 48)


def test_an_ordinary_video_is_no_depth(make_video: Callable[..., Path]) -> None:
    video = make_video()
    with pytest.raises(InputError, match="lossless grey"):
        open_depth(video, DepthSource(path=video.name, scale_m=0.001), 64, 48)
