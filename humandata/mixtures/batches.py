"""Batches as tensors: images, text, states and action chunks of given steps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from humandata.actions import ACTION_DIM, STATE_DIM, ActionGrid, ActionTrack, encode_chunks, encode_states
from humandata.mixtures.manifest import open_sources
from humandata.mixtures.tracks import TrackReader
from humandata.schemas.mixture import ImageFit, Mixture
from humandata.video.images import decode_image, resize

NUM_TRACKS_KEPT = 256
"""Episodes whose poses stay in memory: 3 kB a second each at 15 Hz, so a minute of each is some 50 MB."""


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
class StepRequest:
    """A step of an episode of a source, by the source's index in the manifest."""

    source: int
    episode_id: str
    step: int


class BatchReader:
    """Reads steps of a mixture's sources, keeping the poses of the episodes last read."""

    def __init__(self, mixture: Mixture, folder: Path) -> None:
        """For a manifest that lies in `folder`; DatasetError where a source is gone or changed."""
        self._mixture = mixture
        self._sources = open_sources(mixture, folder)
        space = mixture.action_space
        self._grids = [ActionGrid(space.horizon, space.rate_hz, member.slowdown) for member in mixture.sources]
        self._readers = [
            TrackReader(source, member.static_camera, member.mask_rotation, space.human_gripper)
            for source, member in zip(self._sources, mixture.sources, strict=True)
        ]
        self._embodiment_index = {name: index for index, name in enumerate(mixture.embodiments)}
        self._track = lru_cache(maxsize=NUM_TRACKS_KEPT)(self._read_track)

    def read(self, requests: list[StepRequest], numbers: NDArray[np.int64]) -> Batch:
        """The batch of these steps, in their order, numbered `numbers` (B,)."""
        size, horizon, side = len(requests), self._mixture.action_space.horizon, self._mixture.image_size_px
        image = np.zeros((size, 3, side, side), dtype=np.uint8)
        state, state_mask = np.zeros((size, STATE_DIM), np.float32), np.zeros((size, STATE_DIM), bool)
        action = np.zeros((size, horizon, ACTION_DIM), np.float32)
        action_mask = np.zeros(action.shape, bool)
        for (source, episode_id), places in _by_episode(requests).items():
            steps = [requests[place].step for place in places]
            track = self._track(source, episode_id)
            state[places], state_mask[places] = encode_states(track, steps)
            action[places], action_mask[places] = encode_chunks(track, steps, self._grids[source])
            for place, encoded in zip(places, self._sources[source].read_images(episode_id, steps), strict=True):
                image[place] = fit_image(decode_image(encoded), side, self._mixture.image_fit).transpose(2, 0, 1)
        rows = [self._readers[request.source].rows[request.episode_id] for request in requests]
        embodiment = [row["embodiment"] for row in rows]
        return Batch(
            image=torch.from_numpy(image),
            text=[row["task"] or "" for row in rows],
            state=torch.from_numpy(state),
            state_mask=torch.from_numpy(state_mask),
            action=torch.from_numpy(action),
            action_mask=torch.from_numpy(action_mask),
            embodiment=embodiment,
            embodiment_index=torch.tensor([self._embodiment_index[name] for name in embodiment], dtype=torch.int64),
            sample=torch.from_numpy(np.asarray(numbers, dtype=np.int64)),
        )

    def _read_track(self, source: int, episode_id: str) -> ActionTrack:
        return self._readers[source].read(episode_id)


def fit_image(image: NDArray[np.uint8], size_px: int, fit: ImageFit) -> NDArray[np.uint8]:
    """A picture (H, W, 3) as a square (S, S, 3): stretched, or whole and centred between black bars (`letterbox`)."""
    if fit == "resize":
        return resize(image, size_px, size_px)
    height, width = image.shape[:2]
    scale = size_px / max(height, width)
    inner = resize(image, max(1, round(width * scale)), max(1, round(height * scale)))
    square = np.zeros((size_px, size_px, 3), dtype=np.uint8)
    top, left = (size_px - inner.shape[0]) // 2, (size_px - inner.shape[1]) // 2
    square[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return square


def _by_episode(requests: list[StepRequest]) -> dict[tuple[int, str], list[int]]:
    """Places in the batch by source and episode, so that each episode is opened once."""
    places: dict[tuple[int, str], list[int]] = {}
    for place, request in enumerate(requests):
        places.setdefault((request.source, request.episode_id), []).append(place)
    return places
