"""Reading the batch of given steps: images, text, states and action chunks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from humandata.actions import ActionGrid
from humandata.arrays import Float32Array, IntArray
from humandata.dataset.image_places import UNPLACED
from humandata.dataset.read import ShardSource
from humandata.embodiments import get_embodiment
from humandata.errors import unknown_name
from humandata.mixtures.batch import Arrays, Batch, BatchLayout, View
from humandata.mixtures.manifest import open_member, open_sources
from humandata.mixtures.packs import CACHE_FOLDER, TrackPack, open_pack, open_places
from humandata.mixtures.pictures import ImageFiles, fit_image
from humandata.mixtures.range_cache import Range
from humandata.mixtures.remote_images import RemoteImage, RemoteImages
from humandata.mixtures.shares import source_shares
from humandata.mixtures.step_index import Located, open_index
from humandata.mixtures.windows import Moments, encode_moments, encode_steps, past_moments
from humandata.schemas.episode import PRIMARY_CAMERA
from humandata.schemas.mixture import Mixture
from humandata.storage import is_remote
from humandata.video.images import decode_image

_ENCODED_AT_ONCE = 128
"""Samples whose numbers stay in a core's cache while they are encoded: twice as fast as 512 of them."""


class BatchReader:
    """Reads steps of a mixture's sources. Poses are memory-mapped, and of images only the bytes wanted are read."""

    def __init__(self, mixture: Mixture, folder: Path, view: View | None = None) -> None:
        """For a manifest that lies in `folder`; reading is a DatasetError where a source is gone or changed."""
        self._mixture = mixture
        self._view = view or View()
        self._folder = folder
        self._cache = folder / CACHE_FOLDER
        self.index = open_index(mixture, folder)
        self.layout = BatchLayout(mixture, self._view)
        space = mixture.action_space
        self._grids = [ActionGrid(space.horizon, space.rate_hz, member.slowdown) for member in mixture.sources]
        terms = {(member.slowdown, member.mask_rotation) for member in mixture.sources}
        numbers = {each: number for number, each in enumerate(sorted(terms))}
        self._terms = np.array([numbers[member.slowdown, member.mask_rotation] for member in mixture.sources])
        self._weight = _weights(mixture)
        self._sources: dict[int, ShardSource] = {}
        self._packs: dict[int, TrackPack] = {}
        self._places: dict[tuple[int, str], IntArray] = {}
        self._files, self._remote = ImageFiles(), RemoteImages()
        self._task, self._tasks = self.index.categories("task")
        embodiment, embodiments = self.index.categories("embodiment")
        known = {name: index for index, name in enumerate(mixture.embodiments)}
        self._embodiment = np.array([known[name] for name in embodiments.to_pylist()], np.int64)[embodiment]
        self._mask_gripper = np.array(
            [space.human_gripper == "mask" and get_embodiment(name).kind == "human" for name in mixture.embodiments]
        )

    def read(self, located: Located, numbers: IntArray) -> Batch:
        """The batch of these steps, in their order, numbered `numbers` (B,)."""
        size = len(numbers)
        arrays = self.layout.arrays(np.empty(self.layout.num_bytes(size), np.uint8), size)
        return self.layout.batch(arrays, self.fill(arrays, located, numbers))

    def fill(self, arrays: Arrays, located: Located, numbers: IntArray) -> list[str]:
        """Write the batch of these steps into arrays of `layout`; returns the texts that its `text_index` counts in."""
        span = located.span
        source = self.index.source[span]
        packs = [self._pack(index) for index in source.tolist()]
        first = self.index.first_record[span]
        now, stop = first + located.step, first + self.index.num_steps[span]
        arrays["sample"][:] = numbers
        arrays["weight"][:] = self._weight[source]
        arrays["embodiment_index"][:] = self._embodiment[span]
        mask_gripper = self._mask_gripper[self._embodiment[span]]
        moments = past_moments(packs, first, now, [self._grids[index] for index in source.tolist()], self._view.history)
        for places in self._blocks(source):
            member, grid = self._mixture.sources[source[places[0]]], self._grids[source[places[0]]]
            chosen = [packs[place] for place in places]
            state, action = encode_steps(
                chosen, now[places], stop[places], grid, member.mask_rotation, mask_gripper[places]
            )
            arrays["action"][places], arrays["action_mask"][places] = action
            if self._view.history > 1:
                state = encode_moments(chosen, moments.part(places), member.mask_rotation, mask_gripper[places])
            arrays["state"][places] = state[0].reshape(len(places), self._view.history, -1)
            arrays["state_mask"][places] = state[1].reshape(len(places), self._view.history, -1)
        for column in self._view.columns:
            self._read_images(arrays[column], arrays[f"{column}_mask"], column, located, moments)
        tasks, arrays["text_index"][:] = np.unique(self._task[span], return_inverse=True)
        texts: list[str] = self._tasks.take(tasks).to_pylist()
        return texts

    def _blocks(self, source: IntArray) -> Iterator[IntArray]:
        """The samples, in blocks of those that can be encoded in one go, of their sources (B,)."""
        terms = self._terms[source]
        for each in np.unique(terms):
            places = np.flatnonzero(terms == each)
            for start in range(0, len(places), _ENCODED_AT_ONCE):
                yield places[start : start + _ENCODED_AT_ONCE]

    def _source(self, source: int) -> ShardSource:
        """A source, opened when first wanted: there may be thousands."""
        if source not in self._sources:
            self._sources[source] = open_member(self._mixture.sources[source], self._folder)
        return self._sources[source]

    def _pack(self, source: int) -> TrackPack:
        """The poses of a source: mapped when first wanted, and measured again where the file beside the manifest is
        gone."""
        if source not in self._packs:
            static_camera = self._mixture.sources[source].static_camera
            self._packs[source] = open_pack(self._source(source), static_camera, self._cache)
        return self._packs[source]

    def _image_places(self, source: int, column: str) -> tuple[IntArray, IntArray]:
        """Offsets and lengths (S,) of the images of a source's records."""
        if column == PRIMARY_CAMERA:
            records = self._packs[source].records
            return records["image_offset"], records["image_length"]
        if (source, column) not in self._places:
            self._places[source, column] = open_places(self._source(source), column, self._cache)
        places = self._places[source, column]
        return places[:, 0], places[:, 1]

    def _read_images(
        self, pictures: NDArray[np.generic], mask: NDArray[np.generic], column: str, located: Located, moments: Moments
    ) -> None:
        """Fill pictures (B, N, S, S, 3) and their mask (B, N) with what a camera saw at moments."""
        names = self.index.texts("episode", located.span)
        sources = self.index.source[located.span].tolist()
        mask[:] = moments.known
        remote: dict[tuple[int, int], RemoteImage] = {}
        for sample, (source, name) in enumerate(zip(sources, names, strict=True)):
            shard, (offset, length) = self._source(source), self._image_places(source, column)
            first = int(self.index.first_record[located.span[sample]])
            for moment in np.flatnonzero(moments.known[sample]).tolist():
                record = int(moments.record[sample, moment])
                start, size = int(offset[record]), int(length[record])
                if start >= 0 and is_remote(shard.path):
                    run = Range(shard.steps_file(name), start, size, shard.document.fingerprint)
                    index = int(np.count_nonzero(offset[first:record] == start))
                    remote[sample, moment] = RemoteImage(run, index, shard, name, record - first, column)
                    continue
                if start >= 0:
                    encoded: bytes | None = self._files.read(shard.steps_file(name), start, size)
                else:
                    encoded = shard.read_images(name, [record - first], column)[0] if start == UNPLACED else None
                self._put(encoded, pictures, mask, (sample, moment))
        for at, encoded in zip(remote, self._remote.read(list(remote.values())), strict=True):
            self._put(encoded, pictures, mask, at)
        pictures[~np.asarray(mask, dtype=bool)] = 0

    def _put(
        self, encoded: bytes | None, pictures: NDArray[np.generic], mask: NDArray[np.generic], at: tuple[int, int]
    ) -> None:
        """Write an encoded picture where it belongs, or that there is none."""
        mask[at] = encoded is not None
        if encoded is not None:
            fit_image(decode_image(encoded), pictures[at], self._mixture.image_fit)


def check_cameras(mixture: Mixture, folder: Path, view: View) -> None:
    """Raise UsageError where a further camera is asked for that no source of a manifest in `folder` has."""
    known = {column for source in open_sources(mixture, folder) for column in source.document.cameras}
    for name in view.cameras:
        if f"{PRIMARY_CAMERA}_{name}" not in known:
            raise unknown_name("camera", name, [column.removeprefix(f"{PRIMARY_CAMERA}_") for column in known])


def _weights(mixture: Mixture) -> Float32Array:
    """Of each source, its share of the samples over its share of the steps; 0 where it has no steps."""
    num_steps = np.array([source.training.num_steps for source in mixture.sources], dtype=np.float64)
    share = num_steps / max(num_steps.sum(), 1.0)
    weights = np.divide(source_shares(mixture), share, out=np.zeros_like(share), where=share > 0)
    return np.asarray(weights, dtype=np.float32)
