"""The camera over the frames of a video, and how that is known."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from humandata.geometry.transforms import bracket, interpolate
from humandata.schemas.episode import CameraDecision, CameraMotion, WorldFrame

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
    decided_by: CameraDecision
    """Who says so."""
    figures: dict[str, float] = field(default_factory=dict)
    """What the decision rests on, by the names that an episode's quality has it under."""
    note: str | None = None
    """Why the motion is not known, in words, where something was tried."""


def static_path(
    num_frames: int,
    decided_by: CameraDecision,
    T_world_camera: FloatArray | None = None,
    world_frame: WorldFrame = "camera_start",
    figures: dict[str, float] | None = None,
) -> CameraPath:
    """A camera that stands still, at T_world_camera (4, 4) where that is known; else the camera itself is the world."""
    T = np.eye(4) if T_world_camera is None else T_world_camera
    everywhere = np.repeat(T[None], num_frames, axis=0)
    valid = np.ones(num_frames, dtype=np.bool_)
    return CameraPath(everywhere, valid, world_frame, "static", decided_by, figures or {})


def posed_path(
    timestamp_ns: NDArray[np.int64],
    pose_ns: NDArray[np.int64],
    T_world_camera: FloatArray,
    world_frame: WorldFrame,
    camera_motion: CameraMotion,
    decided_by: CameraDecision,
    figures: dict[str, float] | None = None,
) -> CameraPath:
    """The path at N timestamps through K >= 1 poses (K, 4, 4) at increasing times (K,).

    Linear and SLERP between the poses; not known outside their span and in their gaps.
    """
    index, fraction = bracket(pose_ns, timestamp_ns)
    following = np.minimum(index + 1, len(pose_ns) - 1)
    at_frames = interpolate(T_world_camera[index], T_world_camera[following], fraction)
    outside = (timestamp_ns < pose_ns[0]) | (timestamp_ns > pose_ns[-1])
    in_gap = (pose_ns[following] - pose_ns[index] > 2 * MAX_POSE_GAP_NS) & (fraction > 0)
    at_frames[outside | in_gap] = np.nan
    known = np.asarray(np.isfinite(at_frames).all(axis=(1, 2)))
    return CameraPath(at_frames, known, world_frame, camera_motion, decided_by, figures or {})


def unknown_path(
    num_frames: int, decided_by: CameraDecision, note: str | None = None, figures: dict[str, float] | None = None
) -> CameraPath:
    """A camera whose motion is not known: `world` is the camera, which is not an inertial frame."""
    nowhere = np.full((num_frames, 4, 4), np.nan)
    valid = np.zeros(num_frames, dtype=np.bool_)
    return CameraPath(nowhere, valid, "camera", "unknown", decided_by, figures or {}, note)
