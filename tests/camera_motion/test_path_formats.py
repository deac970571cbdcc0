"""The contract of the readers of camera paths, and what a user is told of a wrong file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import av
import numpy as np
import pytest
from path_writers import NUM_POSES, STEP_NS, T_DEVICE_CAMERA, WRITERS, known_path, times_ns, write_colmap_binary

from humandata.camera_motion.declared import check_clocks, declared_poses, find_path_file
from humandata.camera_motion.formats import PATH_FORMATS, SUFFIXES
from humandata.errors import InputError
from humandata.geometry.transforms import position_wxyz_from_transform
from humandata.schemas.sidecar import CameraPathFile, DevicePose, PathFormat, Sidecar

GRAVITY = {"record3d", "aria"}


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """A video of as many frames as the path has poses, at their rate."""
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(NUM_POSES):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode(None))
    return path


def source_of(name: str, **fields: object) -> CameraPathFile:
    if name == "aria":
        position, wxyz = position_wxyz_from_transform(T_DEVICE_CAMERA)
        fields["device_camera"] = DevicePose(position=tuple(position.tolist()), wxyz=tuple(wxyz.tolist()))
    return CameraPathFile.model_validate({"path": "path.txt", "format": name, **fields})


@pytest.mark.parametrize("name", PATH_FORMATS)
def test_every_format_gives_the_path_that_was_written(name: str, video: Path) -> None:
    WRITERS[name](video.parent / "path.txt", known_path())
    poses = declared_poses(video, Sidecar(camera_path=source_of(name)))
    assert poses is not None
    np.testing.assert_array_equal(poses.timestamp_ns, times_ns())
    np.testing.assert_allclose(poses.T_world_camera, known_path(), atol=1e-9)
    assert poses.world == ("gravity" if name in GRAVITY else "arbitrary")
    assert poses.metric == (name != "colmap")


def test_colmaps_binary_file_holds_the_same_and_may_not_be_cut(video: Path) -> None:
    path = video.with_name("clip.colmap.bin")
    write_colmap_binary(path, known_path())
    poses = declared_poses(video, Sidecar(camera_path=find_path_file(video)))
    assert poses is not None
    np.testing.assert_allclose(poses.T_world_camera, known_path(), atol=1e-9)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match="ends within an image"):
        declared_poses(video, Sidecar(camera_path=find_path_file(video)))


def test_every_format_of_the_sidecar_has_a_reader_a_writer_and_a_suffix() -> None:
    assert set(get_args(PathFormat)) == set(PATH_FORMATS) == set(WRITERS) == set(SUFFIXES.values())


@pytest.mark.parametrize(("suffix", "name"), SUFFIXES.items())
def test_a_file_beside_the_video_is_found_by_its_name(suffix: str, name: PathFormat, video: Path) -> None:
    assert find_path_file(video) is None
    WRITERS[name](video.with_name(f"clip{suffix}"), known_path())
    assert find_path_file(video) == CameraPathFile(path=f"clip{suffix}", format=name)


def test_the_users_word_on_world_scale_and_clock_counts(video: Path) -> None:
    WRITERS["colmap"](video.parent / "path.txt", known_path())
    said = source_of("colmap", world="gravity", scale="metric", rate_hz=5.0)
    poses = declared_poses(video, Sidecar(camera_path=said))
    assert poses is not None
    assert (poses.world, poses.metric) == ("gravity", True)
    np.testing.assert_array_equal(np.diff(poses.timestamp_ns), 2 * STEP_NS)
    WRITERS["tum"](video.parent / "path.txt", known_path())
    poses = declared_poses(video, Sidecar(camera_path=source_of("tum", offset_ns=-50)))
    assert poses is not None
    assert poses.timestamp_ns[0] == -50


def test_clocks_without_an_overlap_are_refused(video: Path) -> None:
    WRITERS["tum"](video.parent / "path.txt", known_path())
    sidecar = Sidecar(camera_path=source_of("tum", offset_ns=10**15))
    with pytest.raises(InputError, match="offset_ns"):
        check_clocks(np.array(times_ns()), sidecar, declared_poses(video, sidecar))


GOOD_TUM = "0.0 1 2 3 0 0 0 1\n"
POSE3D = [0, 0, 0, 1, 1, 2, 3]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("tum", "", "holds no camera pose"),
        ("tum", "# nothing\n" + GOOD_TUM + "0.1 1 2 3 0 0 0\n", r"path\.txt:3: expected 8 numbers .*found 7"),
        ("tum", GOOD_TUM + "0.1 1 2 three 0 0 0 1\n", r"path\.txt:2: could not convert .*'three'"),
        ("tum", GOOD_TUM + "0.1 1 2 nan 0 0 0 1\n", r"path\.txt:2: a number is not finite"),
        ("tum", GOOD_TUM + GOOD_TUM, r"path\.txt:2: not later than the pose before it"),
        ("tum", "0.0 1 2 3 0 0 0 9\n", r"path\.txt:1: a quaternion of length 9"),
        ("kitti", "1 0 0 0 0 1 0 0 0 0 5 0\n", r"path\.txt:1: .*no rotation"),
        ("kitti", "1 0 0 0 0 1 0 0 0 0 1 0\n" * 2, f"2 poses for a video of {NUM_POSES} frames"),
        ("colmap", "1 1 0 0 0 0 0 0 1 left.jpg\n\n", r"path\.txt:1: the image's name holds no number"),
        ("colmap", "1 1 0 0 0 0 0 0 1 f_700.jpg\n\n", "first_frame"),
        ("record3d", "{}", "no list 'poses'"),
        ("record3d", json.dumps({"poses": [POSE3D, [1]]}), r"path\.txt: pose 1: expected 7 numbers"),
        ("aria", "time,x\n1,2\n", r"path\.txt:1: no column 'tracking_timestamp_us'"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(name: str, content: str, told: str, video: Path) -> None:
    (video.parent / "path.txt").write_text(content)
    with pytest.raises(InputError, match=told):
        declared_poses(video, Sidecar(camera_path=source_of(name)))


def test_binary_garbage_is_refused(video: Path) -> None:
    (video.parent / "path.txt").write_bytes(bytes(range(256)))
    for name in PATH_FORMATS:
        with pytest.raises(InputError):
            declared_poses(video, Sidecar(camera_path=source_of(name)))


def test_the_glasses_need_to_know_where_their_camera_is(video: Path) -> None:
    WRITERS["aria"](video.parent / "path.txt", known_path())
    with pytest.raises(InputError, match="device_camera"):
        declared_poses(video, Sidecar(camera_path=CameraPathFile(path="path.txt", format="aria")))


@pytest.mark.parametrize("path", ["../path.txt", "/etc/passwd", "a/../../path.txt"])
def test_a_path_file_outside_the_videos_folder_is_refused(path: str, video: Path) -> None:
    with pytest.raises(InputError, match="outside the video's folder"):
        declared_poses(video, Sidecar(camera_path=CameraPathFile(path=path, format="tum")))
