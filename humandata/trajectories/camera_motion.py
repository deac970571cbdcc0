"""Where the camera is: from a sidecar's poses, because it is declared static, or not known, and then said so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from humandata.geometry.transforms import bracket, interpolate, transform_from_position_wxyz
from humandata.schemas.episode import CameraMotion, WorldFrame
from humandata.schemas.sidecar import CameraPoses, Sidecar
from humandata.trajectories.missing import known_steps

FloatArray = NDArray[np.float64]

MAX_POSE_GAP_NS = 200_000_000
"""A frame further than this from the poses around it has none: the mismatch human-policy and MotionTrans allow."""


@dataclass(frozen=True)
class CameraPath:
    """The camera over N frames."""

    T_world_camera: FloatArray
    """(N, 4, 4); NaN where it is not known."""
    world_valid: NDArray[np.bool_]
    """(N,) whether `world` is an inertial frame."""
    world_frame: WorldFrame
    camera_motion: CameraMotion


def camera_path(timestamp_ns: NDArray[np.int64], sidecar: Sidecar | None) -> CameraPath:
    """The camera at each of N timestamps, as far as the sidecar tells.

    Poses win over words. Poses of a camera declared static hold outside their span too (the first one). Declared static
    without poses, world is the camera itself. Nothing declared, or "moving" without poses: the motion is unknown, and
    `world` is the moving camera, which is not an inertial frame.
    """
    static = sidecar is not None and sidecar.camera_motion == "static"
    poses = sidecar.camera_poses if sidecar else None
    num_frames = len(timestamp_ns)
    if poses is not None and static:
        first = transform_from_position_wxyz(poses.position[0], poses.wxyz[0])
        return CameraPath(_repeat(first, num_frames), np.ones(num_frames, dtype=bool), poses.world, "static")
    if poses is not None:
        T_world_camera = _interpolated(timestamp_ns, poses)
        return CameraPath(T_world_camera, known_steps(T_world_camera), poses.world, "sidecar")
    if static:
        return CameraPath(_repeat(np.eye(4), num_frames), np.ones(num_frames, dtype=bool), "camera_start", "static")
    unknown = np.full((num_frames, 4, 4), np.nan)
    return CameraPath(unknown, np.zeros(num_frames, dtype=bool), "camera", "unknown")


def _interpolated(timestamp_ns: NDArray[np.int64], poses: CameraPoses) -> FloatArray:
    """T_world_camera (N, 4, 4), linear and SLERP between the poses; NaN outside their span and in their gaps."""
    pose_ns = np.array(poses.timestamp_ns, dtype=np.int64)
    known = transform_from_position_wxyz(np.array(poses.position), np.array(poses.wxyz))
    index, fraction = bracket(pose_ns, timestamp_ns)
    following = np.minimum(index + 1, len(pose_ns) - 1)
    T_world_camera = interpolate(known[index], known[following], fraction)
    outside = (timestamp_ns < pose_ns[0]) | (timestamp_ns > pose_ns[-1])
    in_gap = (pose_ns[following] - pose_ns[index] > 2 * MAX_POSE_GAP_NS) & (fraction > 0)
    T_world_camera[outside | in_gap] = np.nan
    return T_world_camera


def _repeat(T: FloatArray, num_frames: int) -> FloatArray:
    return np.repeat(T[None], num_frames, axis=0)
