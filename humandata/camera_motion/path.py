"""The camera over the frames of a video, and how that is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from humandata.arrays import BoolArray, FloatArray, IntArray
from humandata.geometry.transforms import bracket, interpolate
from humandata.schemas.episode import CameraDecision, CameraMotion, WorldFrame

MAX_POSE_GAP_NS = 200_000_000
"""A frame further than this from the poses around it has none: the mismatch human-policy and MotionTrans allow."""


@dataclass(frozen=True)
class CameraPath:
    """The camera over N frames."""

    T_world_camera: FloatArray
    """(N, 4, 4); NaN where it is not known."""
    world_valid: BoolArray
    """(N,) whether `world` is an inertial frame."""
    world_frame: WorldFrame
    camera_motion: CameraMotion
    decided_by: CameraDecision
    """Who says so."""
    figures: dict[str, float] = field(default_factory=dict)
    """What the decision rests on, by the names that an episode's quality has it under."""
    note: str | None = None
    """Why the motion, or that of some of the frames, is not known, in words, where something was tried."""


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
    timestamp_ns: IntArray,
    pose_ns: IntArray,
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
    at_frames[~near_poses(timestamp_ns, pose_ns)] = np.nan
    known = np.asarray(np.isfinite(at_frames).all(axis=(1, 2)))
    return CameraPath(at_frames, known, world_frame, camera_motion, decided_by, figures or {})


def near_poses(timestamp_ns: IntArray, pose_ns: IntArray) -> BoolArray:
    """(N,) whether a timestamp is in the span of K >= 1 poses at increasing times (K,), and in no gap of them."""
    index, fraction = bracket(pose_ns, timestamp_ns)
    following = np.minimum(index + 1, len(pose_ns) - 1)
    outside = (timestamp_ns < pose_ns[0]) | (timestamp_ns > pose_ns[-1])
    in_gap = (pose_ns[following] - pose_ns[index] > 2 * MAX_POSE_GAP_NS) & (fraction > 0)
    return np.asarray(~(outside | in_gap))


def unknown_path(
    num_frames: int, decided_by: CameraDecision, note: str | None = None, figures: dict[str, float] | None = None
) -> CameraPath:
    """A camera whose motion is not known: `world` is the camera, which is not an inertial frame."""
    nowhere = np.full((num_frames, 4, 4), np.nan)
    valid = np.zeros(num_frames, dtype=np.bool_)
    return CameraPath(nowhere, valid, "camera", "unknown", decided_by, figures or {}, note)


def join_paths(timestamp_ns: IntArray, parts: Sequence[CameraPath], min_hole_ns: int) -> CameraPath:
    """One path over N frames from at least one part after the other, each in a world of its own.

    Poses on both sides of a seam cannot be compared, so that a hole of more than `min_hole_ns` is left there. Figures
    are the means of the parts'. Unknown is only a path of which all parts are.
    """
    if len(parts) == 1:
        return parts[0]
    T_world_camera = np.concatenate([part.T_world_camera for part in parts])
    seams = np.cumsum([len(part.world_valid) for part in parts])[:-1]
    for seam in seams.tolist():
        before = np.flatnonzero(np.isfinite(T_world_camera[:seam, 0, 0]))
        if len(before):
            T_world_camera[seam:][timestamp_ns[seam:] <= timestamp_ns[before[-1]] + min_hole_ns] = np.nan
    known = [part for part in parts if part.camera_motion != "unknown"]
    names = {name: None for part in known or parts for name in part.figures}
    figures = {
        name: float(np.mean([part.figures[name] for part in known or parts if name in part.figures])) for name in names
    }
    first = (known or parts)[0]
    notes = [part.note for part in parts if part.note]
    note = f"in {len(notes)} of {len(parts)} stretches: {notes[0]}" if notes else None
    valid = np.asarray(np.isfinite(T_world_camera).all(axis=(1, 2)))
    return CameraPath(T_world_camera, valid, first.world_frame, first.camera_motion, first.decided_by, figures, note)
