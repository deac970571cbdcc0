"""Which camera a video is taken to be seen through, and on whose word."""

from __future__ import annotations

from pathlib import Path

from humandata.errors import InputError
from humandata.geometry.cameras import Camera
from humandata.pipelines.recipe import CameraSettings
from humandata.schemas.episode import IntrinsicsProvenance
from humandata.schemas.sidecar import Intrinsics, Sidecar
from humandata.video.lens import find_lens
from humandata.video.probe import VideoInfo

ASPECT_TOLERANCE = 0.01
"""Intrinsics given for an image of another shape than the video's are for another crop, and cannot be rescaled."""


def choose_camera(
    video: Path, sidecar: Sidecar, info: VideoInfo, width: int, height: int, settings: CameraSettings
) -> tuple[Camera, IntrinsicsProvenance]:
    """The camera of the decoded picture of width x height: of the sidecar, else the metadata, else the assumed one.

    Raises InputError where the sidecar's image has another shape than the video's.
    """
    if sidecar.intrinsics is not None:
        return fitted_camera(sidecar.intrinsics, width, height, video), "sidecar"
    lens = find_lens(info.metadata, info.width, info.height)
    if lens is not None:
        return lens.camera(width, height), "exif"
    return Camera.from_horizontal_fov(settings.horizontal_fov, width, height), "assumed"


def fitted_camera(intrinsics: Intrinsics, width: int, height: int, video: Path) -> Camera:
    """The camera that a sidecar gives for `video`, for its decoded picture of width x height; raises InputError."""
    camera = intrinsics.to_camera()
    if abs(camera.width / camera.height * height / width - 1.0) > ASPECT_TOLERANCE:
        raise InputError(
            f"{video}: the sidecar's intrinsics are for {camera.width}x{camera.height} pixels, not of the shape of "
            f"the video ({width}x{height} once upright and scaled). Give those of the video as it is displayed."
        )
    return camera.scaled(width, height)
