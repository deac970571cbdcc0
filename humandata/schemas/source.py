"""`source.json`: what a shard source is, what made it, and the SHA-256 of every file it holds. Written last."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from humandata.schemas.documents import Document


class Conventions(Document):
    """How the numbers of the source are to be read."""

    length_unit: Literal["m"] = "m"
    angle_unit: Literal["rad"] = "rad"
    time_unit: Literal["ns"] = "ns"
    quaternion_order: Literal["wxyz"] = "wxyz"
    rot6d: Literal["first two columns"] = "first two columns"
    ee_axes: Literal["z approach, x closing, y = z x x"] = "z approach, x closing, y = z x x"
    camera_axes: Literal["x right, y down, z forward"] = "x right, y down, z forward"
    pixel_origin: Literal["centre of the top-left pixel"] = "centre of the top-left pixel"
    gripper: Literal["0 closed, 1 open"] = "0 closed, 1 open"


class Counts(Document):
    """How much the source holds, and what was left out."""

    inputs: int
    episodes: int
    steps: int
    seconds: float
    rejected: int
    quarantined: int


class RecipeRecord(Document):
    """The recipe that made the source; its hash is half of the resume key."""

    name: str
    sha256: str
    content: dict[str, Any]


class Source(Document):
    """The document `source.json`."""

    schema_version: str
    tool_version: str
    name: str
    kind: Literal["human_video", "robot_dataset"]
    format: str = Field(description="what the inputs were: video, lerobot_v3, robomimic_hdf5, ...")
    embodiments: tuple[str, ...]
    cameras: tuple[str, ...]
    conventions: Conventions = Conventions()
    recipe: RecipeRecord
    counts: Counts
    files: dict[str, str] = Field(description="SHA-256 by path relative to the source, of every file but this one")
    fingerprint: str = Field(description="SHA-256 over the data: the hashes of the episode and step files")
