"""The sidecar: what a user knows of a video, as JSON beside it under the video's name (`lift.mp4`, `lift.json`)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from humandata.geometry.cameras import Camera
from humandata.geometry.distortion import NUM_COEFFICIENTS, DistortionModel, make_distortion
from humandata.schemas.documents import Document

Triple = tuple[float, float, float]
Quadruple = tuple[float, float, float, float]


class LensDistortion(Document):
    """What a calibration says of the lens, in OpenCV's order and meaning."""

    model: DistortionModel = Field(description="brown: cv2.calibrateCamera; kannala_brandt: cv2.fisheye.calibrate")
    coefficients: tuple[float, ...] = Field(description="brown: k1 k2 p1 p2 [k3 [k4 k5 k6]]; kannala_brandt: k1 to k4")

    @model_validator(mode="after")
    def _as_many_as_the_model_takes(self) -> LensDistortion:
        valid = NUM_COEFFICIENTS[self.model]
        if len(self.coefficients) not in valid:
            choices = " or ".join(map(str, valid))
            raise ValueError(f"'{self.model}' takes {choices} coefficients, found {len(self.coefficients)}")
        return self


class Intrinsics(Document):
    """A camera in pixels, for an image of width x height; rescaled when the video has another size."""

    fx: PositiveFloat
    fy: PositiveFloat
    cx: float
    cy: float
    width: PositiveInt
    height: PositiveInt
    distortion: LensDistortion | None = Field(default=None, description="where it is absent, the image has none")

    def to_camera(self) -> Camera:
        """The same numbers as a `Camera`."""
        lens = self.distortion
        return Camera(
            **self.model_dump(exclude={"distortion"}),
            distortion=make_distortion(lens.model, lens.coefficients) if lens else None,
        )


class DepthSource(Document):
    """Depth maps registered to the video's pictures: each pixel tells the z of what the picture shows there."""

    path: str = Field(
        min_length=1,
        description="in the video's folder: a folder of 16-bit PNGs numbered or timed by name, an .npz whose "
        "array `depth` is (N, H, W), or a lossless 16-bit grey video",
    )
    scale_m: PositiveFloat = Field(description="metres per unit: 0.001 for RealSense and Azure Kinect, 0.0002 for TUM")
    times: Literal["order", "s", "ms", "us", "ns"] = Field(
        default="order",
        description="order: the k-th map is the k-th frame's; else each has its own time, in this unit: a PNG's "
        "name, or the .npz's array `timestamps`; a video's own times have a unit of their own",
    )
    offset_ns: int = Field(default=0, description="added to those times, to give the video's own")


class SecondCamera(Document):
    """A second video of the same scene, taken in step with the first, by a camera fixed to it."""

    video: str = Field(min_length=1, description="in the video's folder")
    intrinsics: Intrinsics
    position: Triple = Field(description="of the second camera in the first one's frame, in metres")
    wxyz: Quadruple = Field(description="R_camera_second as a quaternion")
    offset_ns: int = Field(default=0, description="added to the second video's times, to give the first one's")


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


PathFormat = Literal["tum", "kitti", "colmap", "record3d", "aria"]


class DevicePose(Document):
    """Where the video's camera is in the device whose path a file holds, for the picture as it is displayed."""

    position: Triple = Field(description="of the camera in the device's frame, in metres")
    wxyz: Quadruple = Field(description="R_device_camera as a quaternion; the camera looks along z, x right, y down")


class CameraPathFile(Document):
    """The camera's path in a file of a known format; what is not said here is as the format has it."""

    path: str = Field(min_length=1, description="in the video's folder")
    format: PathFormat
    offset_ns: int = Field(default=0, description="added to the file's times, to give the video's own")
    first_frame: int = Field(default=0, ge=0, description="the number that the video's first frame has in the file")
    rate_hz: PositiveFloat | None = Field(
        default=None, description="the file's poses are evenly spaced; else one belongs to every frame of the video"
    )
    world: Literal["gravity", "arbitrary"] | None = Field(default=None, description="gravity: its z points up")
    scale: Literal["metric", "unknown"] | None = Field(default=None, description="unknown: found from the hands")
    device_camera: DevicePose | None = Field(default=None, description="aria needs it: its path is the device's")


class Sidecar(Document):
    """All fields are optional; what is not said is assumed, and marked as assumed."""

    task: str | None = Field(default=None, min_length=1)
    intrinsics: Intrinsics | None = None
    hand_length_m: float | None = Field(
        default=None,
        ge=0.08,
        le=0.3,
        description="wrist crease to the tip of the middle finger, of whose hands these are",
    )
    depth: DepthSource | None = None
    stereo: SecondCamera | None = None
    camera_motion: Literal["static", "moving"] | None = None
    camera_poses: CameraPoses | None = None
    camera_path: CameraPathFile | None = None

    @model_validator(mode="after")
    def _one_path(self) -> Sidecar:
        if self.camera_poses is not None and self.camera_path is not None:
            raise ValueError("camera_poses and camera_path both tell the camera's path; keep one")
        return self

    @property
    def companions(self) -> tuple[str, ...]:
        """The files and folders beside the video that belong to it, as named here."""
        named = (
            self.depth.path if self.depth else None,
            self.stereo.video if self.stereo else None,
            self.camera_path.path if self.camera_path else None,
        )
        return tuple(name for name in named if name is not None)
