"""The same camera path, written as each program would write it. Used by the contract test of the readers."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

from humandata.arrays import FloatArray
from humandata.geometry.rotations import matrix_from_rotvec
from humandata.geometry.transforms import invert, make_transform, position_wxyz_from_transform

NUM_POSES = 12
STEP_NS = 100_000_000

T_DEVICE_CAMERA = make_transform(matrix_from_rotvec([0.3, -0.2, 1.1]), [0.02, -0.01, 0.05])
"""Where the camera of the Aria glasses is."""


def known_path() -> FloatArray:
    """T_world_camera (K, 4, 4), z of the world up: a camera that turns about all axes as it moves."""
    t = np.arange(NUM_POSES)[:, None] / NUM_POSES
    R = matrix_from_rotvec(np.array([[-2.0, 0.1, 0.2]]) + t * [0.4, -0.7, 0.3])
    return make_transform(R, np.array([0.5, -1.0, 1.6]) + t * [0.2, 0.1, -0.3])


def times_ns() -> list[int]:
    return [STEP_NS * index for index in range(NUM_POSES)]


def write_tum(path: Path, T_world_camera: FloatArray) -> None:
    position, wxyz = position_wxyz_from_transform(T_world_camera)
    rows = [[time_ns / 1e9, *p, *np.roll(q, -1)] for time_ns, p, q in zip(times_ns(), position, wxyz, strict=True)]
    path.write_text("# timestamp tx ty tz qx qy qz qw\n" + "".join(spaced(row) for row in rows))


def write_kitti(path: Path, T_world_camera: FloatArray) -> None:
    path.write_text("".join(spaced(T[:3].ravel()) for T in T_world_camera))


def write_colmap(path: Path, T_world_camera: FloatArray) -> None:
    position, wxyz = position_wxyz_from_transform(invert(T_world_camera))
    lines = ["# Image list with two lines of data per image:"]
    for index in reversed(range(len(position))):  # in no order, as COLMAP lists them
        row = " ".join(repr(float(value)) for value in (*wxyz[index], *position[index]))
        lines += [f"{index + 1} {row} 1 frames/frame_{index:05d}.jpg", "" if index % 2 else "10.5 20.5 -1"]
    path.write_text("\n".join(lines) + "\n")


def write_colmap_binary(path: Path, T_world_camera: FloatArray) -> None:
    position, wxyz = position_wxyz_from_transform(invert(T_world_camera))
    images = [
        struct.pack("<I7dI", index + 1, *wxyz[index], *position[index], 1)
        + f"frame_{index:05d}.jpg".encode()
        + b"\0"
        + struct.pack("<Q", index % 3)
        + struct.pack("<2dq", 10.5, 20.5, -1) * (index % 3)
        for index in range(len(position))
    ]
    path.write_bytes(struct.pack("<Q", len(images)) + b"".join(reversed(images)))


def write_record3d(path: Path, T_world_camera: FloatArray) -> None:
    # ARKit: y up in the world, and a camera with x right, y up, looking along -z.
    up = make_transform([[1, 0, 0], [0, 0, 1], [0, -1, 0]], np.zeros(3))
    position, wxyz = position_wxyz_from_transform(
        up @ T_world_camera @ make_transform(np.diag([1.0, -1.0, -1.0]), np.zeros(3))
    )
    poses = [[*np.roll(q, -1), *p] for p, q in zip(position, wxyz, strict=True)]
    path.write_text(json.dumps({"fps": 10, "w": 720, "h": 960, "poses": poses}))


def write_aria(path: Path, T_world_camera: FloatArray) -> None:
    position, wxyz = position_wxyz_from_transform(T_world_camera @ invert(T_DEVICE_CAMERA))
    names = [f"{name}_world_device" for name in ("tx", "ty", "tz", "qx", "qy", "qz", "qw")]
    header = ["graph_uid", "tracking_timestamp_us", "utc_timestamp_ns", *names]
    lines = [",".join([*header, "gravity_x_world", "gravity_y_world", "gravity_z_world", "quality_score"])]
    for time_ns, p, q in zip(times_ns(), position, wxyz, strict=True):
        numbers = ",".join(repr(float(value)) for value in (*p, *np.roll(q, -1)))
        lines.append(f"3a7c-uid,{time_ns // 1000},-1,{numbers},0,0,-9.81,1.0")
    path.write_text("\n".join(lines) + "\n")


def spaced(row: FloatArray | list[float]) -> str:
    return " ".join(repr(float(value)) for value in row) + "\n"


WRITERS = {
    "tum": write_tum,
    "kitti": write_kitti,
    "colmap": write_colmap,
    "record3d": write_record3d,
    "aria": write_aria,
}
