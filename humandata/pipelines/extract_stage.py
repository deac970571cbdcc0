"""Videos into episodes: short ones in one go; long ones in parts, side by side, which are then joined."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path

from humandata import __version__
from humandata.arrays import IntArray
from humandata.dataset.identity import content_sha256, input_key
from humandata.dataset.records import InputRecord
from humandata.dataset.remote import push_input
from humandata.dataset.write import InputIdentity
from humandata.errors import InputError, MissingDependencyError
from humandata.filters import make_filters
from humandata.hands import make_estimator
from humandata.mirror import Mirror
from humandata.pipelines.chapters import Chapter, JoinedParts, SeenVideo, join_in_chapters
from humandata.pipelines.opened_video import OpenedVideo, open_video, see, see_in_stretches
from humandata.pipelines.part_files import part_exists, write_part
from humandata.pipelines.recipe import Recipe
from humandata.pipelines.remote_parts import delete_parts, part_is_stored, pull_parts, push_part
from humandata.pipelines.single_thread import single_thread
from humandata.pipelines.stage import Needs
from humandata.pipelines.video_item import VideoItem, identify, on_this_machine
from humandata.pipelines.video_record import VideoWriter
from humandata.video.decode import how_it_ended
from humandata.video.part_bytes import with_bytes
from humandata.video.parts import Part, cut_into_parts
from humandata.video.probe import VideoInfo
from humandata.video.spool import PictureSpool

PARTS_FOLDER = ".parts"
"""In a source's folder: what was seen in the parts of videos that are not finished."""


@dataclass(frozen=True)
class LongVideo:
    """A video that is done in parts."""

    item: VideoItem
    identity: InputIdentity
    parts: tuple[Part, ...]
    warnings: tuple[str, ...] = ()
    failures: tuple[tuple[int, str], ...] = ()
    """Which parts could not be looked at, and why."""


@dataclass(frozen=True)
class VideoPart:
    """One of its parts."""

    item: VideoItem
    identity: InputIdentity
    part: Part


class _VideoStage:
    """What both stages share: a recipe, an estimator, and the source that they write to."""

    name = "extract"

    def __init__(
        self,
        source: Path,
        recipe: Recipe,
        recipe_sha256: str,
        num_gpus: float = 0.0,
        mirror: Mirror | None = None,
    ) -> None:
        self._source = source
        self._mirror = mirror
        self._recipe = recipe
        self._recipe_sha256 = recipe_sha256
        self._estimator = make_estimator(recipe.detect)
        self.needs = Needs(num_gpus=num_gpus, memory_bytes=self._estimator.memory_bytes)
        self._identity = _identity(recipe)
        self._threads: AbstractContextManager[None] | None = None
        self._writer = VideoWriter(source, recipe, recipe_sha256, self._estimator, make_filters(recipe.filters))

    def setup(self) -> None:
        """Load the hand estimator, and use one thread from now on.

        Raises MissingDependencyError where this machine has another estimator than the one the job was started with.
        """
        found = _identity(self._recipe)
        if found != self._identity:
            raise MissingDependencyError(
                f"this machine has {found}, and the job was started with {self._identity}. Bring both to one version."
            )
        self._threads = single_thread()
        self._threads.__enter__()
        self._estimator.setup()

    def close(self) -> None:
        """Use as many threads again as before."""
        if self._threads is not None:
            self._threads.__exit__(None, None, None)
            self._threads = None

    def folder_of_parts(self, identity: InputIdentity) -> Path:
        """Where the parts of a video lie, for this content and recipe; what was seen by another is not found there."""
        content = content_sha256([identity.input_sha256, self._recipe_sha256, __version__])[:16]
        return self._source / PARTS_FOLDER / f"{input_key(identity.input)}-{content}"

    def _joined(self, folder: Path, indices: Sequence[int]) -> JoinedParts:
        return join_in_chapters(folder, indices, self._recipe.decode.chapter_frames, self._recipe.track.max_tie_s)

    def _forget_parts(self, identity: InputIdentity) -> None:
        """Remove what was seen in parts of an input, also of what it was before, from this machine."""
        folders = self._source / PARTS_FOLDER
        for each in folders.glob(f"{input_key(identity.input)}-*"):
            shutil.rmtree(each, ignore_errors=True)
        with contextlib.suppress(OSError):  # other videos are not joined yet
            folders.rmdir()

    def _stored(self, record: InputRecord) -> InputRecord:
        """The record of an input whose files are now where they belong, on an object store too."""
        if self._mirror is not None:
            push_input(self._mirror, record)
        return record


class ExtractStage(_VideoStage):
    """Turns a video into the episodes of its source folder and the record of it; a long one it only cuts."""

    def process(self, item: VideoItem) -> InputRecord | LongVideo:
        """Extract one video and write what it gave; raises InputError where it cannot be used."""
        with on_this_machine(item) as here:
            identity = identify(here)
            video = open_video(here, identity, self._recipe)
            reading = self._recipe.decode
            cut = cut_into_parts(here.path, video.info, reading.rate_hz, reading.part_s, reading.overlap_s)
            if len(cut.parts) > 1:
                parts = with_bytes(here.path, cut.parts) if item.remote else cut.parts
                return LongVideo(item, identity, tuple(parts), cut.warnings)
            record = self._write_in_one_go(video)
        return self._stored(record)

    def _write_in_one_go(self, video: OpenedVideo) -> InputRecord:
        """Write a video that is not cut. What was seen in a long one is put on disk and joined, as that of parts is."""
        folder = self.folder_of_parts(video.identity)
        indices: list[int] = []
        try:
            with closing(see_in_stretches(video, self._estimator, self._recipe)) as stretches:
                for index, stretch in enumerate(stretches):
                    if stretch.is_last and not indices:
                        said = (*stretch.seen.warnings, *stretch.seen.failures)
                        whole = Chapter(stretch.seen, stretch.pictures)
                        return self._writer.write(video, SeenVideo(stretch.seen.timestamp_ns, said, [whole]))
                    write_part(folder, index, stretch.seen, stretch.pictures)
                    indices.append(index)
            joined = self._joined(folder, indices)
            said = (*joined.outline.warnings, *joined.outline.failures)
            with closing(joined.chapters) as chapters:
                return self._writer.write(video, SeenVideo(joined.outline.timestamp_ns, said, chapters))
        finally:
            if indices:
                self._forget_parts(video.identity)


class PartsStage(_VideoStage):
    """Looks for hands in the parts of long videos, and turns what was seen in all parts of one into its episodes."""

    def process(self, item: VideoPart | LongVideo) -> InputRecord | None:
        """Look at a part, or write the video whose parts were all looked at; InputError where none was of use."""
        if isinstance(item, VideoPart):
            self._look(item)
            return None
        return self._join(item)

    def _look(self, item: VideoPart) -> None:
        """Write what is seen in a part, unless that is done already."""
        folder, index = self.folder_of_parts(item.identity), item.part.index
        if part_is_stored(self._mirror, folder, index) if self._mirror else part_exists(folder, index):
            return
        with on_this_machine(item.item, item.part.byte_ranges) as here, PictureSpool() as spool:
            seen = see(open_video(here, item.identity, self._recipe), self._estimator, self._recipe, spool, item.part)
            write_part(folder, index, seen, spool)
        if self._mirror is not None:
            push_part(self._mirror, folder, index)

    def _join(self, item: LongVideo) -> InputRecord:
        """Join the parts, write what they gave, and remove them."""
        if len(item.failures) == len(item.parts):
            raise InputError(f"{item.item.path}: none of its {len(item.parts)} parts could be used ({_reasons(item)})")
        folder = self.folder_of_parts(item.identity)
        if self._mirror is not None:
            pull_parts(self._mirror, folder)
        failed = dict(item.failures)
        used = [part.index for part in item.parts if part.index not in failed]
        joined = self._joined(folder, used)
        outline = joined.outline
        if len(outline.timestamp_ns) == 0:
            raise InputError(f"{item.item.path}: no frame could be decoded in any of its {len(item.parts)} parts")
        with on_this_machine(item.item) as here, closing(joined.chapters) as chapters:
            video = open_video(here, item.identity, self._recipe)
            losses = _losses(item, video.info, outline.timestamp_ns, self._recipe.decode.rate_hz)
            said = (*item.warnings, *outline.warnings, *losses, *outline.failures)
            record = self._writer.write(video, SeenVideo(outline.timestamp_ns, said, chapters))
        self._stored(record)
        if self._mirror is not None:
            delete_parts(self._mirror, folder.parent, input_key(item.identity.input))
        self._forget_parts(item.identity)
        return record


def _identity(recipe: Recipe) -> str:
    """What the episodes will say that they were seen with."""
    estimator = make_estimator(recipe.detect)
    return f"{estimator.name} {estimator.version}, weights {estimator.weights_sha256[:12]}"


def _losses(item: LongVideo, info: VideoInfo, timestamp_ns: IntArray, rate_hz: float) -> list[str]:
    """What is missing of a long video, of which the frames at timestamp_ns (N,) were looked at, in words."""
    failed = dict(item.failures)
    told = [
        f"the part from {part.words} is left out: {failed[part.index]}" for part in item.parts if part.index in failed
    ]
    told += how_it_ended(info, int(timestamp_ns[-1]), rate_hz)
    expected = sum(part.num_frames for part in item.parts if part.index not in failed)
    if len(timestamp_ns) < expected:
        told.append(f"damaged: {expected - len(timestamp_ns)} of {expected} frames could not be decoded")
    return told


def _reasons(item: LongVideo) -> str:
    return "; ".join(sorted({error for _, error in item.failures})[:3])
