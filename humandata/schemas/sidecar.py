"""The sidecar: what a user knows of a video, as JSON beside it under the video's name (`lift.mp4`, `lift.json`)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from humandata.geometry.cameras import Camera
from humandata.schemas.documents import Document

Triple = tuple[float, float, float]
Quadruple = tuple[float, float, float, float]


class Intrinsics(Document):
    """A pinhole camera in pixels, for an image of width x height; rescaled when the video has another size."""

    fx: PositiveFloat
    fy: PositiveFloat
    cx: float
    cy: float
    width: PositiveInt
    height: PositiveInt

    def to_camera(self) -> Camera:
        """The same numbers as a `Camera`."""
        return Camera(**self.model_dump())


class CameraPoses(Document):
    """T_world_camera over time: positions in metres, quaternions in wxyz order, on the video's own clock."""

    world: Literal["gravity", "arbitrary"] = Field(description="gravity: z points up; arbitrary: no axis is known")
    timestamp_ns: tuple[int, ...]
    position: tuple[Triple, ...]
    wxyz: tuple[Quadruple, ...]

    @model_validator(mode="after")
    def _lengths_agree(self) -> CameraPoses:
        if not len(self.timestamp_ns) == len(self.position) == len(self.wxyz) > 0:
            raise ValueError("timestamp_ns, position and wxyz must have the same length, at least 1")
        if any(later <= earlier for earlier, later in zip(self.timestamp_ns, self.timestamp_ns[1:], strict=False)):
            raise ValueError("timestamp_ns must be strictly increasing")
        return self


class Sidecar(Document):
    """All fields are optional; what is not said is assumed, and marked as assumed."""

    task: str | None = Field(default=None, min_length=1)
    intrinsics: Intrinsics | None = None
    camera_motion: Literal["static", "moving"] | None = None
    camera_poses: CameraPoses | None = None
