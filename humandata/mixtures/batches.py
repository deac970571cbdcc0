"""Batches as tensors: images, text, states and action chunks of given steps."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import get_worker_info

from humandata.actions import ACTION_DIM, STATE_DIM, ActionGrid
from humandata.dataset.read import ShardSource
from humandata.embodiments import get_embodiment
from humandata.errors import DatasetError
from humandata.mixtures.manifest import open_member
from humandata.mixtures.packs import CACHE_FOLDER, TrackPack, open_pack
from humandata.mixtures.step_index import Located, open_index
from humandata.mixtures.windows import encode_steps
from humandata.schemas.mixture import ImageFit, Mixture
from humandata.video.images import decode_image, resize


@dataclass(frozen=True)
class Batch:
    """B samples. Actions and states are in raw units (m, rot6d, opening), 0 where masked."""

    image: Tensor
    """(B, 3, S, S) uint8, RGB."""
    text: list[str]
    """The task, "" where unknown."""
    state: Tensor
    """(B, 20) float32, laid out as `actions.STATE_LAYOUT`."""
    state_mask: Tensor
    """(B, 20) bool, true where known."""
    action: Tensor
    """(B, H, 26) float32, laid out as `actions.ACTION_LAYOUT`."""
    action_mask: Tensor
    """(B, H, 26) bool, true where known."""
    embodiment: list[str]
    embodiment_index: Tensor
    """(B,) int64 in the order of `Mixture.embodiments`."""
    sample: Tensor
    """(B,) int64 numbers of the samples."""


@dataclass(frozen=True)
class _Terms:
    """What steps must have in common to be encoded in one go."""

    slowdown: float
    mask_rotation: bool


class BatchReader:
    """Reads steps of a mixture's sources. Poses are memory-mapped, and of images only the bytes wanted are read."""

    def __init__(self, mixture: Mixture, folder: Path, images: bool = True) -> None:
        """For a manifest that lies in `folder`; reading is a DatasetError where a source is gone or changed.

        Without `images` a batch's pictures have the size 0.
        """
        self._mixture = mixture
        self._images = images
        self._folder = folder
        self._sources: dict[int, ShardSource] = {}
        self._cache = folder / CACHE_FOLDER
        self.index = open_index(mixture, folder)
        self._terms = [_Terms(member.slowdown, member.mask_rotation) for member in mixture.sources]
        self._packs: dict[int, TrackPack] = {}
        self._embodiment_index = {name: index for index, name in enumerate(mixture.embodiments)}
        self._mask_gripper = {
            name: mixture.action_space.human_gripper == "mask" and get_embodiment(name).kind == "human"
            for name in mixture.embodiments
        }

    def read(self, located: Located, numbers: NDArray[np.int64]) -> Batch:
        """The batch of these steps, in their order, numbered `numbers` (B,)."""
        space, size = self._mixture.action_space, len(numbers)
        span = located.span
        source, first, num_steps = self.index.source[span], self.index.first_record[span], self.index.num_steps[span]
        embodiment = self.index.texts("embodiment", span)
        mask_gripper = np.array([self._mask_gripper[name] for name in embodiment], dtype=bool)
        episodes = [
            self._pack(index).records[start : start + length]
            for index, start, length in zip(source.tolist(), first.tolist(), num_steps.tolist(), strict=True)
        ]
        state, state_mask = np.zeros((size, STATE_DIM), np.float32), np.zeros((size, STATE_DIM), bool)
        action = np.zeros((size, space.horizon, ACTION_DIM), np.float32)
        action_mask = np.zeros(action.shape, bool)
        for terms, places in self._by_terms(source).items():
            grid = ActionGrid(space.horizon, space.rate_hz, terms.slowdown)
            chosen = [episodes[place] for place in places]
            (state[places], state_mask[places]), (action[places], action_mask[places]) = encode_steps(
                chosen, located.step[places], grid, terms.mask_rotation, mask_gripper[places]
            )
        return Batch(
            image=self._read_images(located, source, episodes),
            text=self.index.texts("task", span),
            state=torch.from_numpy(state),
            state_mask=torch.from_numpy(state_mask),
            action=torch.from_numpy(action),
            action_mask=torch.from_numpy(action_mask),
            embodiment=embodiment,
            embodiment_index=torch.tensor([self._embodiment_index[name] for name in embodiment], dtype=torch.int64),
            sample=torch.from_numpy(np.asarray(numbers, dtype=np.int64)),
        )

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

    def _by_terms(self, source: NDArray[np.int64]) -> dict[_Terms, list[int]]:
        places: dict[_Terms, list[int]] = {}
        for place, index in enumerate(source.tolist()):
            places.setdefault(self._terms[index], []).append(place)
        return places

    def _read_images(self, located: Located, source: NDArray[np.int64], episodes: list[NDArray[np.void]]) -> Tensor:
        """(B, 3, S, S) uint8, in memory a row of pixels after the other, as they are decoded."""
        if not self._images:
            return torch.zeros((len(episodes), 3, 0, 0), dtype=torch.uint8)
        side = self._mixture.image_size_px
        images = _empty_images(len(episodes), side)
        pictures = images.numpy()
        names = self.index.texts("episode", located.span)
        for place, (record, name) in enumerate(
            zip((each[step] for each, step in zip(episodes, located.step, strict=True)), names, strict=True)
        ):
            shard, step = self._source(int(source[place])), int(located.step[place])
            if record["image_offset"] < 0:
                encoded = shard.read_images(name, [step])[0]
            else:
                encoded = read_bytes(shard.steps_file(name), int(record["image_offset"]), int(record["image_length"]))
            pictures[place] = fit_image(decode_image(encoded), side, self._mixture.image_fit)
        return images.permute(0, 3, 1, 2)


def _empty_images(num: int, side: int) -> Tensor:
    """(N, S, S, 3) uint8 to be filled; of a worker, in memory that the main process reads: nothing is copied there."""
    shape = (num, side, side, 3)
    if get_worker_info() is None or not num:
        return torch.empty(shape, dtype=torch.uint8)
    storage = torch.UntypedStorage._new_shared(num * side * side * 3)  # type: ignore[no-untyped-call]
    return torch.empty(0, dtype=torch.uint8).set_(storage).view(shape)


def fit_image(image: NDArray[np.uint8], size_px: int, fit: ImageFit) -> NDArray[np.uint8]:
    """A picture (H, W, 3) as a square (S, S, 3): stretched, or whole and centred between black bars (`letterbox`)."""
    if fit == "resize" or image.shape[0] == image.shape[1]:
        return resize(image, size_px, size_px)
    height, width = image.shape[:2]
    scale = size_px / max(height, width)
    inner = resize(image, max(1, round(width * scale)), max(1, round(height * scale)))
    square = np.zeros((size_px, size_px, 3), dtype=np.uint8)
    top, left = (size_px - inner.shape[0]) // 2, (size_px - inner.shape[1]) // 2
    square[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return square


def read_bytes(path: str, offset: int, length: int) -> bytes:
    """Bytes of a file; DatasetError where it is gone or shorter."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            content = os.pread(descriptor, length, offset)
        finally:
            os.close(descriptor)
    except OSError as failure:
        raise DatasetError(f"{path}: cannot be read ({failure.strerror}). Bring the shard back.") from None
    if len(content) < length:
        raise DatasetError(f"{path}: ends too early. `humandata validate` lists what is wrong.")
    return content
