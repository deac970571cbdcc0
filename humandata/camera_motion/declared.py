"""What a sidecar says of the camera: that it stood still, or where it was."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from humandata.arrays import FloatArray, IntArray
from humandata.camera_motion.formats import SUFFIXES, read_recorded
from humandata.camera_motion.path import CameraPath, near_poses, posed_path, static_path, unknown_path
from humandata.errors import InputError
from humandata.geometry.transforms import transform_from_position_wxyz
from humandata.schemas.sidecar import CameraPathFile, Sidecar


@dataclass(frozen=True)
class DeclaredPoses:
    """K >= 1 poses at increasing times on the video's clock."""

    timestamp_ns: IntArray
    """(K,)."""
    T_world_camera: FloatArray
    """(K, 4, 4)."""
    world: Literal["gravity", "arbitrary"]
    metric: bool


def find_path_file(video: Path) -> CameraPathFile | None:
    """The file of poses that lies beside a video under its name, such as `lift.tum.txt` beside `lift.mp4`."""
    for suffix, name in SUFFIXES.items():
        file = video.with_name(video.stem + suffix)
        if os.path.isfile(file):  # noqa: PTH113  # `is_file` raises where the longer name is too long
            return CameraPathFile(path=file.name, format=name)
    return None


def declared_poses(video: Path, sidecar: Sidecar) -> DeclaredPoses | None:
    """The poses in the sidecar or in the file that it names; raises InputError where that cannot be used."""
    if sidecar.camera_path is not None:
        return _poses_in_file(video, sidecar.camera_path)
    return _poses_in_document(sidecar)


def declared_path(timestamp_ns: IntArray, sidecar: Sidecar, poses: DeclaredPoses | None) -> CameraPath | None:
    """The camera at N timestamps as the sidecar and its poses tell; None where they do not, or not to scale.

    Poses of a camera declared static hold outside their span too (the first one). Declared static without poses, world
    is the camera itself. Where none of the poses is of these timestamps, nothing is known.
    """
    static = sidecar.camera_motion == "static"
    if poses is None:
        return static_path(len(timestamp_ns), "sidecar") if static else None
    if static:
        return static_path(len(timestamp_ns), "sidecar", poses.T_world_camera[0], poses.world)
    path = posed_path(timestamp_ns, poses.timestamp_ns, poses.T_world_camera, poses.world, "sidecar", "sidecar")
    return path if poses.metric or not path.world_valid.any() else None


def check_clocks(timestamp_ns: IntArray, sidecar: Sidecar, poses: DeclaredPoses | None) -> None:
    """Raise InputError where the camera moves, and none of its poses is of a video's N timestamps."""
    if poses is None or sidecar.camera_motion == "static" or near_poses(timestamp_ns, poses.timestamp_ns).any():
        return
    raise InputError(
        f"the camera's poses are of {poses.timestamp_ns[0] / 1e9:.3f} s to {poses.timestamp_ns[-1] / 1e9:.3f} s, "
        f"and none is of the video's {timestamp_ns[0] / 1e9:.3f} s to {timestamp_ns[-1] / 1e9:.3f} s. Give the "
        "difference of the clocks in the sidecar: 'camera_path.offset_ns'."
    )


def path_in_sidecar(timestamp_ns: IntArray, sidecar: Sidecar | None) -> CameraPath:
    """The camera at N timestamps as the sidecar itself tells; not known where it does not, whatever files there are."""
    declared = sidecar or Sidecar()
    poses = _poses_in_document(declared)
    check_clocks(timestamp_ns, declared, poses)
    return declared_path(timestamp_ns, declared, poses) or unknown_path(len(timestamp_ns), "nothing")


def _poses_in_document(sidecar: Sidecar) -> DeclaredPoses | None:
    poses = sidecar.camera_poses
    if poses is None:
        return None
    T_world_camera = transform_from_position_wxyz(np.array(poses.position), np.array(poses.wxyz))
    return DeclaredPoses(np.array(poses.timestamp_ns, dtype=np.int64), T_world_camera, poses.world, metric=True)


def _poses_in_file(video: Path, source: CameraPathFile) -> DeclaredPoses:
    from humandata.video.companions import find_companion

    path = find_companion(video, source.path)
    recorded = read_recorded(path, source.format)
    T_world_camera = recorded.T_world_body
    if recorded.body == "device":
        if source.device_camera is None:
            raise InputError(
                f"{path}: the path is the device's. Say in the sidecar where the camera is in it: "
                "'camera_path.device_camera', a position and wxyz."
            )
        mounted = source.device_camera
        T_world_camera = T_world_camera @ transform_from_position_wxyz(mounted.position, mounted.wxyz)
    if recorded.clock == "ns":
        timestamp_ns = recorded.when + source.offset_ns
    else:
        timestamp_ns = _times_of_frames(video, path, recorded.when - source.first_frame, source)
    metric = recorded.metric if source.scale is None else source.scale == "metric"
    return DeclaredPoses(timestamp_ns, T_world_camera, source.world or recorded.world, metric)


def _times_of_frames(video: Path, path: Path, frames: IntArray, source: CameraPathFile) -> IntArray:
    """When frames (K,), numbered from the video's first, are shown."""
    from humandata.video.depth_files import packet_times

    times = np.sort(packet_times(video))
    if source.rate_hz is not None:
        return np.asarray(times[0] + np.round(frames * (1e9 / source.rate_hz)).astype(np.int64))
    if source.format != "colmap" and len(frames) != len(times):
        raise InputError(
            f"{path}: holds {len(frames)} poses for a video of {len(times)} frames. If they are evenly spaced, say "
            "how: 'camera_path.rate_hz' in the sidecar."
        )
    if frames.min() < 0 or frames.max() >= len(times):
        raise InputError(
            f"{path}: its frames, counted from the first, are {frames.min()} to {frames.max()}, of a video that has "
            f"{len(times)}. Say which number the first one has ('camera_path.first_frame'), or how the poses are "
            "spaced ('camera_path.rate_hz')."
        )
    return np.asarray(times[frames])
