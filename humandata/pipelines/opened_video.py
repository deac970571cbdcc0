"""A video made ready to be looked at: what is said of it, and the camera it is taken to be seen through."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
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
from humandata.video.decode import Decoding, decode, fit_size
from humandata.video.parts import WHOLE, Part
from humandata.video.probe import VideoInfo, probe
from humandata.video.spool import PictureSpool
from humandata.video.stretches import Stretch, stretches


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
    """What there is to see in a part of a video; the pictures of steps are appended to `spool`."""
    return _see(video, estimator, recipe, spool, _decoding(video, recipe, part))


@dataclass(frozen=True)
class SeenStretch:
    """What there is to see in a stretch of a video."""

    seen: Sightings
    pictures: PictureSpool
    """Those of `seen.stored`, until the next stretch is asked for."""
    is_last: bool


def see_in_stretches(video: OpenedVideo, estimator: HandEstimator, recipe: Recipe) -> Generator[SeenStretch]:
    """What there is to see in a video that is not cut, in stretches of a part's length: mostly there is one."""
    reading = recipe.decode
    overlap = max(1, round(reading.overlap_s * reading.rate_hz))
    length = overlap + max(1, round(reading.part_s * reading.rate_hz))  # what lasts as long as a part is in one
    with closing(stretches(_decoding(video, recipe), length, overlap)) as found:
        for stretch in found:
            with PictureSpool() as spool:
                seen = _see(video, estimator, recipe, spool, stretch)
                yield SeenStretch(seen, spool, stretch.is_last)


def _decoding(video: OpenedVideo, recipe: Recipe, part: Part = WHOLE) -> Decoding:
    reading = recipe.decode
    return decode(
        video.item.path,
        video.info,
        max_side=reading.max_side_px,
        rate_hz=reading.rate_hz,
        part=part,
        stall_timeout_s=reading.stall_timeout_s,
    )


def _see(
    video: OpenedVideo, estimator: HandEstimator, recipe: Recipe, spool: PictureSpool, decoding: Decoding | Stretch
) -> Sightings:
    seen = look(decoding, video.camera, estimator, recipe, spool)
    measured = measure_depth(
        video.item.path,
        video.sidecar,
        video.camera,
        seen.timestamp_ns,
        seen.detections,
        estimator,
        recipe.decode,
        decoding.part,
    )
    return replace(seen, detections=measured)
