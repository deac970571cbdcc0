"""An episode in memory: T steps of one demonstration, whatever body performed it. A missing number is NaN."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from humandata.arrays import BoolArray, FloatArray, IntArray
from humandata.geometry.cameras import Camera
from humandata.schemas.landmarks import Side

WorldFrame = Literal["base", "gravity", "arbitrary", "camera_start", "camera"]
"""Where `world` is: the robot's base; a frame whose z points up; one with no known axis; the camera at the first step;
or, where its motion is unknown, the moving camera itself, which is not an inertial frame (`world_valid` is false)."""

CameraMotion = Literal["static", "sidecar", "rgbd", "sfm", "unknown"]
CameraDecision = Literal["sidecar", "option", "background", "nothing"]
"""Who says how the camera moved: the sidecar, the user by an option, what the background does, or nobody."""

IntrinsicsProvenance = Literal["calibrated", "sidecar", "exif", "estimated", "assumed"]
Scale = Literal["metric", "assumed"]


@dataclass(frozen=True)
class ManoTrack:
    """A hand over T steps as the model MANO describes it, by an estimator that fits MANO; NaN where it was not seen.

    What the estimator said of each frame: neither smoothed nor filled. MANO turns a hand about its own wrist joint,
    which belongs at landmark 0. A left hand is one of MANO's left model, which mirrors the right one.
    """

    global_orient: FloatArray
    """(T, 3) axis-angle in radians: rotation of the hand from MANO's axes to those of the camera at each step."""
    hand_pose: FloatArray
    """(T, 15, 3) axis-angle in radians: rotation of each joint in its parent, from MANO's flat hand."""
    betas: FloatArray
    """(T, 10) shape."""


@dataclass(frozen=True)
class HandTrack:
    """What only a hand has, beside its EE: the wrist and the landmarks it was lifted from."""

    T_world_wrist: FloatArray
    """(T, 4, 4)."""
    wrist_sigma_m: FloatArray
    """(T, 3) standard deviation of the wrist's position along the camera's axes; NaN where it was not estimated."""
    landmarks_camera: FloatArray
    """(T, 21, 3) metres, in the camera frame of each step."""
    landmarks_px: FloatArray
    """(T, 21, 2) pixels of the stored image."""
    mano: ManoTrack | None = None


@dataclass(frozen=True)
class ArmTrack:
    """One arm over T steps. Where `valid` is false every number is NaN."""

    T_world_ee: FloatArray
    """(T, 4, 4) in the episode's world frame, metres."""
    valid: BoolArray
    """(T,)."""
    interpolated: BoolArray
    """(T,) valid, but filled across a gap rather than observed."""
    confidence: FloatArray
    """(T,) in [0, 1]: the detector's; 1 for a robot's own joints."""
    gripper_opening: FloatArray
    """(T,) in [0, 1], 1 = open."""
    aperture_m: FloatArray
    """(T,) metres between the fingertips."""
    hand: HandTrack | None = None


@dataclass(frozen=True)
class Provenance:
    """What the numbers of an episode rest on."""

    world_frame: WorldFrame
    camera_motion: CameraMotion
    scale: Scale
    intrinsics: IntrinsicsProvenance | None
    estimator: str | None = None
    weights_sha256: str | None = None
    camera_decided_by: CameraDecision | None = None


@dataclass(frozen=True)
class Episode:
    """T >= 2 steps with strictly increasing timestamps on the input's own clock."""

    id: str
    embodiment: str
    task: str | None
    input: str
    """The input's path relative to the source's root, and its episode within it where it holds several."""
    input_sha256: str
    timestamp_ns: IntArray
    """(T,)."""
    images: dict[str, list[bytes]]
    """Encoded images by camera name, T each; `PRIMARY_CAMERA` is the one every episode has."""
    arms: dict[Side, ArmTrack]
    T_world_camera: FloatArray
    """(T, 4, 4) of the primary camera; NaN where it is not known."""
    world_valid: BoolArray
    """(T,) whether `world` is an inertial frame, so that poses at different steps can be compared."""
    camera: Camera | None
    """Intrinsics of the primary camera, for the stored image."""
    provenance: Provenance
    rate_hz: float
    """The nominal rate of the stored steps; the timestamps are what counts."""
    quality: dict[str, float] = field(default_factory=dict)
    """Figures by name: `mean_confidence`, `mean_jerk`, ... as the stage that made the episode measured them."""

    @property
    def num_steps(self) -> int:
        """T."""
        return len(self.timestamp_ns)


PRIMARY_CAMERA = "image"
"""Column of the camera every episode has; further cameras are `image_<name>`."""
