"""One video into episodes: decode, find hands, lift, cut, judge, write."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from humandata.dataset.files import sha256_file
from humandata.dataset.identity import episode_id
from humandata.dataset.records import InputRecord
from humandata.dataset.write import InputIdentity, Rejection, write_input
from humandata.embodiments.human_hands import HUMAN_HANDS
from humandata.errors import InputError
from humandata.filters import judge, make_filters
from humandata.filters.filter import Rejected
from humandata.geometry.cameras import Camera
from humandata.hands import make_estimator
from humandata.hands.estimator import HandDetection
from humandata.pipelines.recipe import CameraSettings, Recipe
from humandata.schemas.documents import read_document
from humandata.schemas.episode import PRIMARY_CAMERA, Episode, IntrinsicsProvenance, Provenance
from humandata.schemas.sidecar import Sidecar
from humandata.trajectories.build import build_tracks, cut_segments
from humandata.trajectories.segment import Segment
from humandata.video.decode import Decoding, decode
from humandata.video.files import VideoFile
from humandata.video.images import encode_jpeg
from humandata.video.probe import probe
from humandata.video.rates import Thinner
from humandata.video.spool import PictureSpool

ASPECT_TOLERANCE = 0.01
"""Intrinsics given for an image of another shape than the video's are for another crop, and cannot be rescaled."""


@dataclass(frozen=True)
class VideoItem:
    """One video of a source."""

    input: str
    """Path relative to the source's root."""
    path: Path
    sidecar_path: Path | None
    task: str | None
    """The parent folder's name in words, where the video lies in a folder below the source's root."""


def video_item(video: VideoFile) -> VideoItem:
    """The item of a video that was found."""
    folder = video.relative_path.parent.name
    words = folder.replace("_", " ").replace("-", " ").strip()
    return VideoItem(video.relative_path.as_posix(), video.path, video.sidecar_path, words or None)


def identify(item: VideoItem) -> InputIdentity:
    """What the video and its sidecar are now: content, size, time. Reads all of the video. Raises InputError."""
    size_bytes, mtime_ns = size_and_time(item)
    try:
        content = sha256_file(item.path)
        if item.sidecar_path is not None:
            content = hashlib.sha256((content + sha256_file(item.sidecar_path)).encode()).hexdigest()
    except OSError as failure:
        raise InputError(f"{item.path}: cannot be read ({failure.strerror}).") from None
    return InputIdentity(item.input, content, size_bytes, mtime_ns)


def size_and_time(item: VideoItem) -> tuple[int, int]:
    """Bytes and modification time in ns of a video and its sidecar together."""
    try:
        stats = [path.stat() for path in (item.path, item.sidecar_path) if path is not None]
    except OSError as failure:
        raise InputError(f"{item.path}: cannot be read ({failure.strerror}).") from None
    return sum(stat.st_size for stat in stats), max(stat.st_mtime_ns for stat in stats)


class ExtractStage:
    """Turns a video into the episodes of its source folder and the record of it."""

    name = "extract"

    def __init__(self, source: Path, recipe: Recipe, recipe_sha256: str) -> None:
        self._source = source
        self._recipe = recipe
        self._recipe_sha256 = recipe_sha256
        self._filters = make_filters(recipe.filters)
        self._estimator = make_estimator(recipe.detect)

    def setup(self) -> None:
        """Load the hand estimator."""
        self._estimator.setup()

    def close(self) -> None:
        """Nothing is held between videos."""

    def process(self, item: VideoItem) -> InputRecord:
        """Extract one video and write what it gave; raises InputError where it cannot be used."""
        identity = identify(item)
        sidecar = read_document(Sidecar, item.sidecar_path) if item.sidecar_path else Sidecar()
        if sidecar.camera_motion is None and self._recipe.camera.motion == "static":
            sidecar = sidecar.model_copy(update={"camera_motion": "static"})
        info = probe(item.path)
        decoding = decode(
            item.path, info, max_side=self._recipe.decode.max_side_px, rate_hz=self._recipe.decode.rate_hz
        )
        camera, intrinsics = choose_camera(item, sidecar, decoding.width, decoding.height, self._recipe.camera)
        with PictureSpool() as spool:
            seen = self._look(decoding, camera, spool)
            tracks = build_tracks(seen.timestamp_ns, seen.detections, camera, sidecar, self._recipe.track)
            candidates = [
                self._candidate(item, identity, sidecar.task or item.task, intrinsics, segment)
                for segment in cut_segments(tracks, seen.stored, self._recipe.track)
            ]
            verdicts = [judge(segment, self._filters) for segment, _ in candidates]
            kept = [each for each, verdict in zip(candidates, verdicts, strict=True) if verdict is None]
            rejected = [
                _rejection(episode, verdict)
                for (_, episode), verdict in zip(candidates, verdicts, strict=True)
                if verdict is not None
            ]
            if not candidates:
                rejected = [self._nothing_seen(item, identity, sidecar.task or item.task, seen)]
            return write_input(
                self._source,
                identity,
                self._recipe_sha256,
                (_with_pictures(segment, episode, seen, spool) for segment, episode in kept),
                rejected,
                {"frames": len(seen.timestamp_ns), "frames_with_hands": seen.num_with_hands},
                decoding.warnings,
            )

    def _candidate(
        self,
        item: VideoItem,
        identity: InputIdentity,
        task: str | None,
        intrinsics: IntrinsicsProvenance,
        segment: Segment,
    ) -> tuple[Segment, Episode]:
        """The episode a segment would become, without its pictures."""
        start_ns, end_ns = int(segment.timestamp_ns[0]), int(segment.timestamp_ns[-1]) + 1
        return segment, Episode(
            id=episode_id(identity.input_sha256, start_ns, end_ns, self._recipe_sha256),
            embodiment=HUMAN_HANDS.name,
            task=task,
            input=item.input,
            input_sha256=identity.input_sha256,
            timestamp_ns=segment.timestamp_ns,
            images={},
            arms=segment.arms,
            T_world_camera=segment.T_world_camera,
            world_valid=segment.world_valid,
            camera=segment.camera,
            provenance=Provenance(
                world_frame=segment.world_frame,
                camera_motion=segment.camera_motion,
                scale=segment.scale,
                intrinsics=intrinsics,
                estimator=f"{self._estimator.name} {self._estimator.version}",
                weights_sha256=self._estimator.weights_sha256,
            ),
            rate_hz=self._recipe.store.rate_hz,
            quality=segment.quality,
        )

    def _nothing_seen(self, item: VideoItem, identity: InputIdentity, task: str | None, seen: _Seen) -> Rejection:
        """Why a video gave no candidate at all."""
        start_ns, end_ns = int(seen.timestamp_ns[0]), int(seen.timestamp_ns[-1]) + 1
        return Rejection(
            id=episode_id(identity.input_sha256, start_ns, end_ns, self._recipe_sha256),
            task=task,
            input=item.input,
            start_ns=start_ns,
            end_ns=end_ns,
            rule="no_hands",
            reason=f"a hand is tracked in {seen.num_with_hands} of {len(seen.timestamp_ns)} frames, too few",
            value=float(seen.num_with_hands),
            limit=2.0,
        )

    def _look(self, decoding: Decoding, camera: Camera, spool: PictureSpool) -> _Seen:
        """Find hands in every frame; keep the pictures of those frames that may become steps."""
        source_rate = decoding.info.average_rate_hz
        detection_rate = min(self._recipe.decode.rate_hz, source_rate or self._recipe.decode.rate_hz)
        thinner = Thinner(self._recipe.store.rate_hz, detection_rate)
        timestamps: list[int] = []
        stored: list[int] = []

        def frames() -> Generator[tuple[int, NDArray[np.uint8]]]:
            for frame in decoding:
                if thinner.keeps(frame.timestamp_ns):
                    stored.append(len(timestamps))
                    spool.append(encode_jpeg(frame.image, self._recipe.store.jpeg_quality))
                timestamps.append(frame.timestamp_ns)
                yield frame.timestamp_ns, frame.image

        with closing(frames()) as source:
            detections = list(self._estimator.track(source, camera))
        return _Seen(np.array(timestamps, dtype=np.int64), np.array(stored, dtype=np.int64), detections)


@dataclass(frozen=True)
class _Seen:
    """What was found in the N frames looked at."""

    timestamp_ns: NDArray[np.int64]
    """(N,)."""
    stored: NDArray[np.int64]
    """Indices of the frames whose pictures were kept, in order; the k-th is number k of the spool."""
    detections: list[tuple[HandDetection, ...]]
    """N."""

    @property
    def num_with_hands(self) -> int:
        return sum(bool(hands) for hands in self.detections)


def choose_camera(
    item: VideoItem, sidecar: Sidecar, width: int, height: int, settings: CameraSettings
) -> tuple[Camera, IntrinsicsProvenance]:
    """The camera of the decoded picture of width x height: from the sidecar, else from the assumed field of view.

    Raises InputError where the sidecar's image has another shape than the video's.
    """
    if sidecar.intrinsics is None:
        return Camera.from_horizontal_fov(settings.horizontal_fov, width, height), "assumed"
    camera = sidecar.intrinsics.to_camera()
    if abs(camera.width / camera.height * height / width - 1.0) > ASPECT_TOLERANCE:
        raise InputError(
            f"{item.sidecar_path}: its intrinsics are for {camera.width}x{camera.height} pixels, not of the shape of "
            f"the video ({width}x{height} once upright and scaled). Give those of the video as it is displayed."
        )
    return camera.scaled(width, height), "sidecar"


def _rejection(episode: Episode, verdict: Rejected) -> Rejection:
    return Rejection(
        id=episode.id,
        task=episode.task,
        input=episode.input,
        start_ns=int(episode.timestamp_ns[0]),
        end_ns=int(episode.timestamp_ns[-1]) + 1,
        rule=verdict.rule,
        reason=verdict.reason,
        value=verdict.value,
        limit=verdict.limit,
    )


def _with_pictures(segment: Segment, episode: Episode, seen: _Seen, spool: PictureSpool) -> Episode:
    numbers = np.searchsorted(seen.stored, segment.frame_index)
    return replace(episode, images={PRIMARY_CAMERA: [spool.read(int(number)) for number in numbers]})
