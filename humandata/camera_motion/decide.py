"""From all that is known of one video to the camera's path, and to why it is not known where it is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from humandata.arrays import FloatArray, IntArray
from humandata.camera_motion.background import judge_background
from humandata.camera_motion.declared import DeclaredPoses, declared_path
from humandata.camera_motion.path import CameraPath, join_paths, posed_path, static_path, unknown_path
from humandata.camera_motion.rgbd import DepthAt, depth_odometry
from humandata.camera_motion.scale import scale_from_hands
from humandata.camera_motion.settings import MotionChoice, MotionSettings, TrustSettings
from humandata.camera_motion.sfm import Reconstruction, reconstruct
from humandata.camera_motion.triangulate import reconstruct_from_poses
from humandata.camera_motion.view import View
from humandata.errors import MissingDependencyError
from humandata.geometry.transforms import invert
from humandata.schemas.episode import CameraDecision, CameraMotion, WorldFrame
from humandata.schemas.landmarks import Side
from humandata.schemas.sidecar import Sidecar

Hands = Mapping[Side, FloatArray]


@dataclass(frozen=True)
class Evidence:
    """What is known of N frames of one video, beside its hands."""

    timestamp_ns: IntArray
    """(N,)."""
    view: View
    """M of the frames, with their pictures."""
    sidecar: Sidecar
    poses: DeclaredPoses | None
    depth_at: DepthAt | None
    max_gap_s: float = 1.0
    """An episode runs on across a hole up to this long; parts of a path that share no world lie further apart."""

    def part(self, frames: slice) -> Evidence:
        """What is known of some of the frames."""
        timestamp_ns = self.timestamp_ns[frames]
        inside = (self.view.timestamp_ns >= timestamp_ns[0]) & (self.view.timestamp_ns <= timestamp_ns[-1])
        return replace(self, timestamp_ns=timestamp_ns, view=self.view.subset(np.flatnonzero(inside)))


def find_camera_path(evidence: Evidence, hands: Hands, choice: MotionChoice, settings: MotionSettings) -> CameraPath:
    """The camera over the N frames, given the landmarks (N, 21, 3) of the hands in metres in the camera frame.

    What the sidecar says wins over everything. A path that is estimated is believed only as far as the settings say;
    else the motion is unknown, and `note` says why. Raises MissingDependencyError where structure from motion is asked
    for by name and pycolmap is absent.
    """
    num_frames = len(evidence.timestamp_ns)
    declared = declared_path(evidence.timestamp_ns, evidence.sidecar, evidence.poses)
    if declared is not None:
        return declared
    if evidence.poses is not None:
        return _scaled_poses(evidence, evidence.poses, hands, settings.trust)
    if evidence.sidecar.camera_motion is None:
        if choice == "static":
            return static_path(num_frames, "option")
        if choice in {"auto", "background"}:
            return _by_background(evidence, hands, choice, settings)
    if choice in {"background", "static", "sidecar"}:
        return unknown_path(num_frames, "nothing")
    decided_by: CameraDecision = "sidecar" if evidence.sidecar.camera_motion else "option"
    return _estimated(evidence, hands, choice, decided_by, settings)


def _by_background(evidence: Evidence, hands: Hands, choice: MotionChoice, settings: MotionSettings) -> CameraPath:
    """At rest or moving as the background says; where it moves, estimated if the choice is `auto`."""
    motion = judge_background(evidence.view, settings.background)
    if motion.still is None:
        note = "too little background is seen to tell whether the camera moved"
        return unknown_path(len(evidence.timestamp_ns), "nothing", note)
    figures = {"camera_still_pictures": motion.still_pictures, "camera_shift_px": motion.shift_px}
    if motion.still:
        return static_path(len(evidence.timestamp_ns), "background", figures=figures)
    if choice == "background":
        note = "the camera moves, and the recipe does not ask how (camera.motion: auto would)"
        return unknown_path(len(evidence.timestamp_ns), "background", note, figures)
    path = _estimated(evidence, hands, "auto", "background", settings)
    return replace(path, figures=figures | path.figures)


def _estimated(
    evidence: Evidence, hands: Hands, choice: MotionChoice, decided_by: CameraDecision, settings: MotionSettings
) -> CameraPath:
    """By depth maps where there are any, else by structure from motion, unless one of them is asked for by name."""
    if choice == "rgbd" or (choice == "auto" and evidence.depth_at is not None):
        return _by_depth(evidence, decided_by, settings.trust)
    try:
        return _in_windows(evidence, hands, decided_by, settings)
    except MissingDependencyError as missing:
        if choice == "sfm":
            raise
        return unknown_path(len(evidence.timestamp_ns), decided_by, f"the camera moves, and {missing}")


def _by_depth(evidence: Evidence, decided_by: CameraDecision, trust: TrustSettings) -> CameraPath:
    if evidence.depth_at is None:
        note = "the camera's motion was to be found from depth maps, and the sidecar names none"
        return unknown_path(len(evidence.timestamp_ns), decided_by, note)
    odometry = depth_odometry(evidence.view, evidence.depth_at)
    placed = float(np.isfinite(odometry.T_start_camera[:, 0, 0]).mean())
    figures = {"camera_placed": placed, "camera_fitness": odometry.fitness}
    if placed < trust.min_placed:
        note = f"the camera moves, and odometry over the depth maps places only {placed:.0%} of the pictures"
        return unknown_path(len(evidence.timestamp_ns), decided_by, note, figures)
    return _through(evidence, odometry.T_start_camera, "camera_start", "rgbd", decided_by, figures)


def _in_windows(evidence: Evidence, hands: Hands, decided_by: CameraDecision, settings: MotionSettings) -> CameraPath:
    """By structure from motion, of one stretch of time after the other: work and memory grow with its square."""
    times = evidence.timestamp_ns
    count = max(1, int(np.ceil((times[-1] - times[0]) / 1e9 / settings.window_s)))
    cuts = np.searchsorted(times, np.linspace(times[0], times[-1] + 1, count + 1))
    windows = [slice(start, stop) for start, stop in pairwise(cuts.tolist()) if stop > start]
    paths = [
        _by_structure(
            evidence.part(window),
            {side: landmarks[window] for side, landmarks in hands.items()},
            decided_by,
            settings.trust,
        )
        for window in windows
    ]
    return join_paths(times, paths, round(evidence.max_gap_s * 1e9))


def _by_structure(evidence: Evidence, hands: Hands, decided_by: CameraDecision, trust: TrustSettings) -> CameraPath:
    if not any(np.isfinite(landmarks).any() for landmarks in hands.values()):
        note = "the camera moves, and without a hand in view its path would have no scale"
        return unknown_path(len(evidence.timestamp_ns), decided_by, note)
    reconstruction = reconstruct(evidence.view)
    if reconstruction is None:
        note = "the camera moves, and structure from motion finds no path: too little parallax or background"
        return unknown_path(len(evidence.timestamp_ns), decided_by, note)
    num_points = int(np.isfinite(reconstruction.points[:, 0]).sum())
    figures = {
        "camera_placed": float(reconstruction.placed.mean()),
        "camera_points": float(num_points),
        "camera_reprojection_px": reconstruction.reprojection_px,
    }
    doubt = None
    if figures["camera_placed"] < trust.min_placed:
        doubt = f"only {figures['camera_placed']:.0%} of the pictures are placed"
    elif num_points < trust.min_points:
        doubt = f"it rests on {num_points} points only"
    elif reconstruction.reprojection_px > trust.max_reprojection_px:
        doubt = f"its points are {reconstruction.reprojection_px:.1f} px off"
    if doubt is not None:
        note = f"the camera moves, and its path by structure from motion is not believed: {doubt}"
        return unknown_path(len(evidence.timestamp_ns), decided_by, note, figures)
    return _metric(evidence, reconstruction, hands, "camera_start", "sfm", decided_by, figures, trust)


def _scaled_poses(evidence: Evidence, poses: DeclaredPoses, hands: Hands, trust: TrustSettings) -> CameraPath:
    """Poses of unknown scale: the background is triangulated from them, and the hands then tell the scale."""
    through = posed_path(
        evidence.view.timestamp_ns, poses.timestamp_ns, poses.T_world_camera, poses.world, "sidecar", "sidecar"
    )
    reconstruction = reconstruct_from_poses(evidence.view, through.T_world_camera)
    return _metric(evidence, reconstruction, hands, poses.world, "sidecar", "sidecar", {}, trust)


def _metric(
    evidence: Evidence,
    reconstruction: Reconstruction,
    hands: Hands,
    world_frame: WorldFrame,
    camera_motion: CameraMotion,
    decided_by: CameraDecision,
    figures: dict[str, float],
    trust: TrustSettings,
) -> CameraPath:
    """The path in metres, if the hands tell its scale well enough."""
    view = evidence.view
    frames = np.searchsorted(evidence.timestamp_ns, view.timestamp_ns)
    in_view = {side: landmarks[frames] for side, landmarks in hands.items()}
    scale = scale_from_hands(reconstruction, view.timestamp_ns, in_view)
    if scale is None:
        note = "the camera's path is known up to its scale, and no hand is seen beside background that would tell it"
        return unknown_path(len(evidence.timestamp_ns), decided_by, note, figures)
    T_world_camera = reconstruction.T_sfm_camera.copy()
    T_world_camera[:, :3, 3] *= scale.metres
    error_m = scale.sigma * _displacement_over_a_second(view.timestamp_ns, T_world_camera)
    figures = figures | {"camera_scale_sigma": scale.sigma, "camera_scale_error_m": error_m}
    if error_m > trust.max_scale_error_m:
        note = (
            f"the camera's path is known up to its scale, which the hands tell to {scale.sigma:.0%}: at the camera's "
            f"speed {error_m * 100:.0f} cm a second, of which {trust.max_scale_error_m * 100:.0f} are allowed "
            "(camera.trust.max_scale_error_m)"
        )
        return unknown_path(len(evidence.timestamp_ns), decided_by, note, figures)
    return _through(evidence, T_world_camera, world_frame, camera_motion, decided_by, figures)


def _displacement_over_a_second(timestamp_ns: IntArray, T_world_camera: FloatArray) -> float:
    """Median distance between the camera's places a second apart; of a shorter path, as far as that speed would go."""
    placed = np.flatnonzero(np.isfinite(T_world_camera[:, 0, 0]))
    times, places = timestamp_ns[placed], T_world_camera[placed, :3, 3]
    later = np.searchsorted(times, times + 1_000_000_000)
    first = np.flatnonzero(later < len(times))
    if len(first) == 0:
        return float(np.linalg.norm(places[-1] - places[0]) / max((times[-1] - times[0]) / 1e9, 1e-3))
    return float(np.median(np.linalg.norm(places[later[first]] - places[first], axis=-1)))


def _through(
    evidence: Evidence,
    T_world_camera: FloatArray,
    world_frame: WorldFrame,
    camera_motion: CameraMotion,
    decided_by: CameraDecision,
    figures: dict[str, float],
) -> CameraPath:
    """The path at all N frames through that of the M pictures (M, 4, 4), of which at least one is known."""
    placed = np.isfinite(T_world_camera[:, 0, 0])
    poses, pose_ns = T_world_camera[placed], evidence.view.timestamp_ns[placed]
    if world_frame == "camera_start":
        poses = invert(poses[0]) @ poses
    return posed_path(evidence.timestamp_ns, pose_ns, poses, world_frame, camera_motion, decided_by, figures)
