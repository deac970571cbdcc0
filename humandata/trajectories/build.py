"""The whole way from detections to candidate episodes, without reading or writing a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from humandata.arrays import FloatArray, IntArray
from humandata.camera_motion.declared import path_in_sidecar
from humandata.camera_motion.path import CameraPath
from humandata.geometry.cameras import Camera
from humandata.geometry.transforms import apply, invert
from humandata.hands.estimator import HandDetection
from humandata.schemas.documents import Document
from humandata.schemas.episode import ArmTrack, Scale
from humandata.schemas.landmarks import SIDES, HandLandmark, Side
from humandata.schemas.sidecar import Sidecar
from humandata.trajectories.associate import AssociateSettings, HandObservations, associate
from humandata.trajectories.fill import FillSettings, fill_confidence, fill_landmarks, fill_sigma, short_gaps
from humandata.trajectories.jerk import jerk_m_s3
from humandata.trajectories.lift import LiftedHand, LiftSettings, lift
from humandata.trajectories.mano import take_mano, with_mano
from humandata.trajectories.missing import known_steps, where_valid
from humandata.trajectories.retarget import RetargetSettings, retarget
from humandata.trajectories.search import SearchSettings
from humandata.trajectories.segment import Segment, SegmentSettings, measure_quality, spans
from humandata.trajectories.smooth import OutlierSettings, SmoothSettings, outliers, smooth


class TrackSettings(Document):
    """The recipe's section `track`: what becomes of the detections."""

    search: SearchSettings = SearchSettings()
    associate: AssociateSettings = AssociateSettings()
    lift: LiftSettings = LiftSettings()
    outliers: OutlierSettings = OutlierSettings()
    fill: FillSettings = FillSettings()
    smooth: SmoothSettings = SmoothSettings()
    retarget: RetargetSettings = RetargetSettings()
    segment: SegmentSettings = SegmentSettings()

    @property
    def max_gap_s(self) -> float:
        """No hand for longer than this ends an episode, and nothing is filled in across it."""
        return max(self.fill.max_gap_s, self.segment.max_gap_s)

    @property
    def max_tie_s(self) -> float:
        """What is seen of hands before a time without any that is longer has no bearing on what is seen after it."""
        return max(self.max_gap_s, self.associate.max_unseen_s, self.associate.max_absence_s)


FindPath = Callable[[Mapping[Side, FloatArray]], CameraPath]
"""The camera over N frames, given the landmarks (N, 21, 3) of each hand in metres in the camera frame; NaN unseen."""


@dataclass(frozen=True)
class Tracks:
    """Both arms and the camera over all N frames that were looked at."""

    timestamp_ns: IntArray
    arms: dict[Side, ArmTrack]
    reprojection_px: dict[Side, FloatArray]
    """(N,) each."""
    unsmoothed: dict[Side, FloatArray]
    """(N, 3) each: the wrist in the world, before smoothing."""
    path: CameraPath
    camera: Camera
    scale: Scale


def build_tracks(
    timestamp_ns: IntArray,
    detections: Sequence[Sequence[HandDetection]],
    camera: Camera,
    sidecar: Sidecar | None,
    settings: TrackSettings,
    scale: Scale = "assumed",
    find_path: FindPath | None = None,
) -> Tracks:
    """Both arms over N frames: timestamps (N,), the hands detected in each, and the camera of the image looked at.

    Outliers are dropped, gaps filled and tracks smoothed at the rate of detection, in the world where the camera's
    pose in it is known: a hand at rest then stays at rest while the head turns.
    """
    observations = associate(timestamp_ns, detections, camera.width, settings.associate)
    lifted = lift(timestamp_ns, observations, camera, settings.lift)
    hands = {side: hand.landmarks_camera for side, hand in lifted.items()}
    path = find_path(hands) if find_path else path_in_sidecar(timestamp_ns, sidecar)
    arms, unsmoothed = {}, {}
    for side in SIDES:
        arms[side], unsmoothed[side] = _build_arm(
            timestamp_ns, observations[side], lifted[side], camera, path, side, settings
        )
    reprojection_px = {side: hand.reprojection_px for side, hand in lifted.items()}
    return Tracks(timestamp_ns, arms, reprojection_px, unsmoothed, path, camera, scale)


def cut_segments(tracks: Tracks, steps: IntArray, settings: TrackSettings) -> list[Segment]:
    """The candidate episodes, given which frames (increasing indices into N) are to be stored as steps."""
    tracked = np.logical_or.reduce([tracks.arms[side].valid[steps] for side in SIDES])
    ranges = spans(tracks.timestamp_ns[steps], tracked, settings.segment)
    return [_take(tracks, steps[start:stop]) for start, stop in ranges]


def _build_arm(
    timestamp_ns: IntArray,
    observations: HandObservations,
    lifted: LiftedHand,
    camera: Camera,
    path: CameraPath,
    side: Side,
    settings: TrackSettings,
) -> tuple[ArmTrack, FloatArray]:
    """The arm of one hand, and its wrist (N, 3) in the world before smoothing."""
    T_world_camera = path.T_world_camera
    if path.world_frame == "camera":
        T_world_camera = np.broadcast_to(np.eye(4), T_world_camera.shape)
    landmarks_world = apply(T_world_camera, lifted.landmarks_camera)
    landmarks_world[outliers(landmarks_world, side, settings.outliers)] = np.nan

    known = known_steps(landmarks_world)
    gaps = short_gaps(timestamp_ns, known, settings.fill.max_gap_s)
    landmarks_world = fill_landmarks(timestamp_ns, landmarks_world, gaps, side)
    unsmoothed = landmarks_world[:, HandLandmark.WRIST]
    landmarks_world = smooth(timestamp_ns, landmarks_world, settings.smooth)

    landmarks_camera = apply(invert(T_world_camera), landmarks_world)
    filled = known_steps(landmarks_camera) & ~known
    landmarks_px = np.where(known[:, None, None], observations.landmarks_px, camera.project(landmarks_camera))
    arm = retarget(
        landmarks_camera,
        landmarks_px,
        fill_sigma(where_valid(known, lifted.wrist_sigma_m), gaps),
        fill_confidence(where_valid(known, observations.confidence), gaps),
        filled,
        path,
        side,
        settings.retarget,
    )
    return with_mano(arm, observations.mano), unsmoothed


def _take(tracks: Tracks, frames: IntArray) -> Segment:
    arms = {side: _take_arm(arm, frames) for side, arm in tracks.arms.items()}
    reprojection_px = {side: error[frames] for side, error in tracks.reprojection_px.items()}
    return Segment(
        frame_index=frames,
        timestamp_ns=tracks.timestamp_ns[frames],
        arms=arms,
        T_world_camera=tracks.path.T_world_camera[frames],
        world_valid=tracks.path.world_valid[frames],
        world_frame=tracks.path.world_frame,
        camera_motion=tracks.path.camera_motion,
        camera_decided_by=tracks.path.decided_by,
        scale=tracks.scale,
        camera=tracks.camera,
        quality=measure_quality(arms, reprojection_px) | _measure_jerk(tracks, frames) | tracks.path.figures,
    )


def _measure_jerk(tracks: Tracks, frames: IntArray) -> dict[str, float]:
    """Median over both wrists, before and after smoothing, at the rate of detection."""
    span = slice(int(frames[0]), int(frames[-1]) + 1)
    stamps = tracks.timestamp_ns[span]
    figures = {}
    for name, positions in (
        ("jerk_before_smoothing_m_s3", tracks.unsmoothed),
        ("jerk_m_s3", {side: _wrist(arm) for side, arm in tracks.arms.items()}),
    ):
        jerk = np.concatenate([jerk_m_s3(stamps, position[span]) for position in positions.values()])
        if len(jerk):
            figures[name] = float(np.median(jerk))
    return figures


def _wrist(arm: ArmTrack) -> FloatArray:
    assert arm.hand is not None
    return arm.hand.T_world_wrist[:, :3, 3]


def _take_arm(arm: ArmTrack, frames: IntArray) -> ArmTrack:
    assert arm.hand is not None
    return ArmTrack(
        T_world_ee=arm.T_world_ee[frames],
        valid=arm.valid[frames],
        interpolated=arm.interpolated[frames],
        confidence=arm.confidence[frames],
        gripper_opening=arm.gripper_opening[frames],
        aperture_m=arm.aperture_m[frames],
        hand=replace(
            arm.hand,
            T_world_wrist=arm.hand.T_world_wrist[frames],
            wrist_sigma_m=arm.hand.wrist_sigma_m[frames],
            landmarks_camera=arm.hand.landmarks_camera[frames],
            landmarks_px=arm.hand.landmarks_px[frames],
            mano=take_mano(arm.hand.mano, frames),
        ),
    )
