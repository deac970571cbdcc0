"""A recording becomes an episode: the dataset's tool frame, gripper and pictures in the shared conventions."""

from __future__ import annotations

import numpy as np
from pydantic import Field, PositiveInt

from humandata.arrays import FloatArray, Image, IntArray
from humandata.dataset.identity import episode_id
from humandata.embodiments import EMBODIMENTS, get_embodiment
from humandata.embodiments.embodiment import Embodiment
from humandata.errors import InputError, UsageError
from humandata.readers.camera_names import image_columns, primary_camera
from humandata.readers.reader import Pictures, Recording
from humandata.schemas.documents import Document
from humandata.schemas.episode import ArmTrack, Episode, Provenance
from humandata.video.images import encode_jpeg, resize

GRIPPER_SLACK = 0.25
"""Share of the gripper's range by which readings may leave it: calibration drifts, another unit is off by far more."""


class IngestRecipe(Document):
    """Every choice that decides what `ingest` makes of a dataset."""

    embodiment: str | None = Field(default=None, description="in place of what the dataset's robot is called")
    camera: str | None = Field(default=None, description="the primary camera, by its name in the dataset")
    state_names: tuple[str, ...] = Field(default=(), description="of the dimensions of observation.state")
    max_side_px: PositiveInt = Field(default=640, description="longer side of the pictures; never enlarged")
    jpeg_quality: int = Field(default=90, ge=1, le=100)


def robot_embodiment(dataset_robot: str | None, wanted: str | None) -> Embodiment:
    """The one-armed robot of a dataset, by the user's word or by the dataset's name for it; raises UsageError."""
    robots = [name for name in EMBODIMENTS if get_embodiment(name).kind == "robot"]
    choices = f"Say which it is with --embodiment: {', '.join(robots)}."
    if wanted is None and dataset_robot is None:
        raise UsageError(f"the dataset does not say which robot it was recorded with. {choices}")
    if wanted is None:
        try:
            embodiment = get_embodiment(str(dataset_robot))
        except UsageError:
            raise UsageError(
                f"the dataset calls its robot '{dataset_robot}', which is not known here. {choices}"
            ) from None
    else:
        embodiment = get_embodiment(wanted)
    if embodiment.name not in robots:
        raise UsageError(f"'{embodiment.name}' is not a robot. {choices}")
    assert len(embodiment.arms) == 1
    return embodiment


def to_episode(
    recording: Recording,
    embodiment: Embodiment,
    recipe: IngestRecipe,
    *,
    input_name: str,
    input_sha256: str,
    recipe_sha256: str,
) -> Episode:
    """The episode of a recording: T_world_ee = T_world_tool @ T_tool_ee, gripper in [0, 1], pictures as JPEG.

    Where the camera was and what it saw through is not known from a dataset's pictures: its pose is NaN, its intrinsics
    None, its motion "unknown". The world is the robot's, hence inertial.

    Raises:
        InputError: fewer than two steps, times that do not increase, no valid pose, a gripper reading out of range,
            no camera, or pictures that do not match the steps.
        UsageError: the recipe asks for a camera that is not there.
    """
    timestamps = recording.timestamp_ns
    _check_times(timestamps, input_name)
    if not recording.cameras:
        raise InputError(f"{input_name}: no camera; every episode needs pictures.")
    num_steps = len(timestamps)
    primary = primary_camera(recording.cameras, recipe.camera)
    columns = image_columns(recording.cameras, primary)
    start_ns, end_ns = int(timestamps[0]), int(timestamps[-1]) + 1
    return Episode(
        id=episode_id(input_sha256, start_ns, end_ns, recipe_sha256),
        embodiment=embodiment.name,
        task=recording.task,
        input=input_name,
        input_sha256=input_sha256,
        timestamp_ns=timestamps,
        images={
            columns[camera]: _encode(recording.cameras[camera], num_steps, recipe, f"{input_name}, camera '{camera}'")
            for camera in sorted(recording.cameras, key=lambda camera: columns[camera])
        },
        arms={embodiment.arms[0]: _arm(recording, embodiment, input_name)},
        T_world_camera=np.full((num_steps, 4, 4), np.nan),
        world_valid=np.ones(num_steps, dtype=np.bool_),
        camera=None,
        provenance=Provenance(
            world_frame=recording.world_frame, camera_motion="unknown", scale="metric", intrinsics=None
        ),
        rate_hz=recording.rate_hz,
    )


def _check_times(timestamp_ns: IntArray, input_name: str) -> None:
    if len(timestamp_ns) < 2:
        raise InputError(f"{input_name}: {len(timestamp_ns)} steps; an episode needs two.")
    stands_still = np.diff(timestamp_ns) <= 0
    if stands_still.any():
        raise InputError(f"{input_name}: time does not increase after step {int(np.argmax(stands_still))}.")


def _arm(recording: Recording, embodiment: Embodiment, input_name: str) -> ArmTrack:
    gripper = embodiment.gripper
    _check_gripper(recording.gripper_reading, embodiment, input_name)
    opening = gripper.opening(recording.gripper_reading)
    T_world_ee = recording.T_world_tool @ embodiment.T_tool_ee
    valid = np.isfinite(T_world_ee).all(axis=(1, 2)) & np.isfinite(opening)
    if not valid.any():
        raise InputError(f"{input_name}: no step has both a pose and a gripper reading.")
    opening = np.where(valid, opening, np.nan)
    return ArmTrack(
        T_world_ee=np.where(valid[:, None, None], T_world_ee, np.nan),
        valid=valid,
        interpolated=np.zeros_like(valid),
        confidence=np.where(valid, 1.0, np.nan),
        gripper_opening=opening,
        aperture_m=opening * gripper.max_aperture_m,
    )


def _check_gripper(reading: FloatArray, embodiment: Embodiment, input_name: str) -> None:
    low, high = sorted((embodiment.gripper.closed, embodiment.gripper.open))
    slack = GRIPPER_SLACK * (high - low)
    outside = (reading < low - slack) | (reading > high + slack)
    if outside.any():
        raise InputError(
            f"{input_name}: the gripper reads {reading[np.argmax(outside)]:.3g}, but on {embodiment.name} it runs from "
            f"{embodiment.gripper.closed:g} (closed) to {embodiment.gripper.open:g} (open). "
            "Is it another robot? Say so with --embodiment."
        )


def _encode(pictures: Pictures, num_steps: int, recipe: IngestRecipe, origin: str) -> list[bytes]:
    encoded = [encode_jpeg(_fit(image, recipe.max_side_px), recipe.jpeg_quality) for image in pictures()]
    if len(encoded) != num_steps:
        raise InputError(f"{origin}: {len(encoded)} pictures for {num_steps} steps.")
    return encoded


def _fit(image: Image, max_side_px: int) -> Image:
    height, width = image.shape[:2]
    scale = max_side_px / max(height, width)
    return image if scale >= 1.0 else resize(image, max(round(width * scale), 1), max(round(height * scale), 1))
