"""A video made ready to be looked at: what is said of it, and the camera it is taken to be seen through."""

from __future__ import annotations

from dataclasses import dataclass, replace

from humandata.dataset.write import InputIdentity
from humandata.errors import InputError
from humandata.geometry.cameras import Camera
from humandata.hands.estimator import HandEstimator
from humandata.pipelines.intrinsics import choose_camera
from humandata.pipelines.measured_depth import measure_depth
from humandata.pipelines.recipe import Recipe
from humandata.pipelines.sightings import Sightings, look
from humandata.pipelines.video_item import VideoItem, read_sidecar, size_and_time
from humandata.schemas.episode import IntrinsicsProvenance
from humandata.schemas.sidecar import Sidecar
from humandata.video.decode import decode, fit_size
from humandata.video.parts import WHOLE, Part
from humandata.video.probe import VideoInfo, probe
from humandata.video.spool import PictureSpool


@dataclass(frozen=True)
class OpenedVideo:
    """A video whose content is that of `identity`."""

    item: VideoItem
    identity: InputIdentity
    sidecar: Sidecar
    info: VideoInfo
    camera: Camera
    """Of the picture that is looked at."""
    intrinsics: IntrinsicsProvenance

    @property
    def task(self) -> str | None:
        """What is done in it, as far as anybody said."""
        return self.sidecar.task or self.item.task


def open_video(item: VideoItem, identity: InputIdentity, recipe: Recipe) -> OpenedVideo:
    """Open a video; raises InputError where it or its sidecar cannot be used, or it is not what was identified."""
    if size_and_time(item) != (identity.size_bytes, identity.mtime_ns):
        raise InputError(f"{item.path}: was changed while it was being extracted. Run the same command again.")
    sidecar = read_sidecar(item)
    if sidecar.hand_length_m is None:
        sidecar = sidecar.model_copy(update={"hand_length_m": recipe.person.hand_length_m})
    info = probe(item.path)
    width, height = fit_size(info.width, info.height, recipe.decode.max_side_px)
    camera, intrinsics = choose_camera(item.path, sidecar, info, width, height, recipe.camera)
    return OpenedVideo(item, identity, sidecar, info, camera, intrinsics)


def see(
    video: OpenedVideo, estimator: HandEstimator, recipe: Recipe, spool: PictureSpool, part: Part = WHOLE
) -> Sightings:
    """What there is to see in a video, or in a part of it; the pictures of steps are appended to `spool`."""
    reading = recipe.decode
    decoding = decode(
        video.item.path,
        video.info,
        max_side=reading.max_side_px,
        rate_hz=reading.rate_hz,
        part=part,
        stall_timeout_s=reading.stall_timeout_s,
    )
    seen = look(decoding, video.camera, estimator, recipe, spool)
    measured = measure_depth(
        video.item.path, video.sidecar, video.camera, seen.timestamp_ns, seen.detections, estimator, reading, part
    )
    return replace(seen, detections=measured)
