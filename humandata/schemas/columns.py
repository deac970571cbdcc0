"""The Arrow columns of steps and episodes: the single source of truth for names, types, units, frames and shapes."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from humandata.schemas.episode import PRIMARY_CAMERA
from humandata.schemas.landmarks import SIDES, Side

SCHEMA_VERSION = "1.1"
"""Major number: a reader of another major number refuses. Minor number: columns were added, all of them nullable."""

IMAGE_TYPE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


@dataclass(frozen=True)
class Column:
    """One column, and what its numbers mean."""

    name: str
    type: pa.DataType
    doc: str
    unit: str | None = None
    frame: str | None = None
    shape: tuple[int, ...] | None = None
    nullable: bool = True

    def to_field(self) -> pa.Field:
        """The Arrow field, whose metadata repeats document, unit, frame and shape."""
        metadata = {"doc": self.doc}
        if self.unit:
            metadata["unit"] = self.unit
        if self.frame:
            metadata["frame"] = self.frame
        if self.shape:
            metadata["shape"] = ",".join(map(str, self.shape))
        return pa.field(self.name, self.type, nullable=self.nullable, metadata=metadata)


def _list(item_type: pa.DataType, length: int) -> pa.DataType:
    """A fixed-size list whose items are called as Parquet calls them, so that a file has the type it was given."""
    return pa.list_(pa.field("element", item_type), length)


def _vector(name: str, length: int, doc: str, unit: str | None, frame: str, shape: tuple[int, ...] = ()) -> Column:
    return Column(name, _list(pa.float64(), length), doc, unit, frame, shape or (length,))


def _arm_columns(side: Side) -> tuple[Column, ...]:
    return (
        Column(f"{side}_valid", pa.bool_(), f"the {side} arm is known at this step", nullable=False),
        Column(f"{side}_interpolated", pa.bool_(), "known by filling a gap, not by observation", nullable=False),
        Column(f"{side}_confidence", pa.float32(), "confidence of the observation, in [0, 1]"),
        _vector(f"{side}_ee_position", 3, "origin of the end effector", "m", "world"),
        _vector(f"{side}_ee_wxyz", 4, "R_world_ee as a unit quaternion, w >= 0", None, "world"),
        Column(f"{side}_gripper_opening", pa.float32(), "0 = closed, 1 = open"),
        Column(f"{side}_aperture_m", pa.float32(), "distance between the fingertips", "m"),
        Column(f"{side}_grip_event", pa.string(), "close | open: from this step on the fingers hold, or let go"),
        _vector(f"{side}_wrist_position", 3, "the wrist of a hand", "m", "world"),
        _vector(f"{side}_wrist_wxyz", 4, "R_world_wrist as a unit quaternion, w >= 0", None, "world"),
        Column(
            f"{side}_wrist_sigma_m",
            _list(pa.float32(), 3),
            "standard deviation of the wrist's position, along right, down and away from the camera",
            "m",
            "camera",
            (3,),
        ),
        Column(
            f"{side}_landmarks_camera",
            _list(pa.float32(), 63),
            "21 hand landmarks in the MediaPipe order",
            "m",
            "camera",
            (21, 3),
        ),
        Column(
            f"{side}_landmarks_px",
            _list(pa.float32(), 42),
            "21 hand landmarks in the MediaPipe order, in the stored image",
            "px",
            "image",
            (21, 2),
        ),
        _vector(
            f"{side}_mano_global_orient",
            3,
            "MANO, where the estimator fits it: axis-angle from its axes to the camera's, as seen and not smoothed",
            "rad",
            "camera",
        ),
        _vector(
            f"{side}_mano_hand_pose",
            45,
            "MANO, where the estimator fits it: axis-angle of the 15 joints in their parents, from the flat hand",
            "rad",
            "parent joint",
            (15, 3),
        ),
        Column(
            f"{side}_mano_betas",
            _list(pa.float64(), 10),
            f"MANO, where the estimator fits it: shape, of the {side} model",
            shape=(10,),
        ),
    )


STEP_COLUMNS: tuple[Column, ...] = (
    Column("timestamp_ns", pa.int64(), "time on the input's own clock, strictly increasing", "ns", nullable=False),
    Column(PRIMARY_CAMERA, IMAGE_TYPE, "encoded image of the primary camera", nullable=False),
    Column("world_valid", pa.bool_(), "world is an inertial frame at this step", nullable=False),
    _vector("camera_position", 3, "origin of the primary camera", "m", "world"),
    _vector("camera_wxyz", 4, "R_world_camera as a unit quaternion, w >= 0", None, "world"),
    *_arm_columns("left"),
    *_arm_columns("right"),
)
"""Columns of `data/<id>.parquet`. A source with further cameras adds `image_<name>` columns of the image's type."""

EPISODE_COLUMNS: tuple[Column, ...] = (
    Column("id", pa.string(), "hash of input, span, recipe and tool version", nullable=False),
    Column("task", pa.string(), "what is done, in words"),
    Column("input", pa.string(), "path of the input relative to the source's root", nullable=False),
    Column("input_sha256", pa.string(), "content of the input", nullable=False),
    Column("start_ns", pa.int64(), "first timestamp", "ns", nullable=False),
    Column("end_ns", pa.int64(), "just past the last timestamp", "ns", nullable=False),
    Column("num_steps", pa.int64(), "rows of the data file", nullable=False),
    Column("rate_hz", pa.float64(), "nominal rate of the steps", "Hz", nullable=False),
    Column("embodiment", pa.string(), "a name of the embodiment registry", nullable=False),
    Column("world_frame", pa.string(), "base | gravity | arbitrary | camera_start | camera", nullable=False),
    Column("camera_motion", pa.string(), "static | sidecar | rgbd | sfm | unknown", nullable=False),
    Column("camera_decided_by", pa.string(), "who says how the camera moved: sidecar | option | background | nothing"),
    Column("scale", pa.string(), "metric | assumed", nullable=False),
    Column("intrinsics", pa.string(), "calibrated | sidecar | exif | estimated | assumed"),
    *(
        Column(f"camera_{name}", pa.float64(), f"{name} of the primary camera, for the stored image", "px")
        for name in ("fx", "fy", "cx", "cy", "width", "height")
    ),
    Column("camera_distortion_model", pa.string(), "brown | kannala_brandt; null: none"),
    Column(
        "camera_distortion",
        pa.list_(pa.field("element", pa.float64())),
        "brown: k1 k2 p1 p2 k3 k4 k5 k6; kannala_brandt: k1 to k4; OpenCV's meaning",
    ),
    Column("estimator", pa.string(), "the hand estimator and its version"),
    Column("weights_sha256", pa.string(), "content of the estimator's weights"),
    *(Column(f"{side}_valid_fraction", pa.float64(), "share of valid steps", nullable=False) for side in SIDES),
    *(
        Column(f"{side}_median_speed", pa.float64(), "median speed of the end effector where world is valid", "m/s")
        for side in SIDES
    ),
    Column("quality", pa.map_(pa.string(), pa.float64()), "figures by name", nullable=False),
)
"""Columns of `episodes.parquet`."""

REJECTED_COLUMNS: tuple[Column, ...] = (
    Column("id", pa.string(), "the id the episode would have had", nullable=False),
    Column("task", pa.string(), "what is done, in words"),
    Column("input", pa.string(), "path of the input relative to the source's root", nullable=False),
    Column("start_ns", pa.int64(), "first timestamp", "ns", nullable=False),
    Column("end_ns", pa.int64(), "just past the last timestamp", "ns", nullable=False),
    Column("rule", pa.string(), "the filter that turned it away", nullable=False),
    Column("reason", pa.string(), "why, in words", nullable=False),
    Column("value", pa.float64(), "what was measured", nullable=False),
    Column("limit", pa.float64(), "what the recipe allows", nullable=False),
)
"""Columns of `rejected.parquet`."""


def arrow_schema(columns: tuple[Column, ...], further_cameras: tuple[str, ...] = ()) -> pa.Schema:
    """The Arrow schema of columns, plus an image column for each of `further_cameras` (names without `image_`)."""
    cameras = tuple(
        Column(f"{PRIMARY_CAMERA}_{name}", IMAGE_TYPE, f"encoded image of the camera '{name}'")
        for name in further_cameras
    )
    fields = [column.to_field() for column in (*columns, *cameras)]
    return pa.schema(fields, metadata={"humandata_schema_version": SCHEMA_VERSION})
