"""A batch: the samples of a step of training as tensors, and how they lie behind one another in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from torch import Tensor

from humandata.actions import ACTION_DIM, STATE_DIM
from humandata.schemas.episode import PRIMARY_CAMERA
from humandata.schemas.mixture import Mixture

Arrays = dict[str, NDArray[np.generic]]

_ALIGNMENT = 64
"""Bytes at whose multiples arrays begin: a cache line."""


@dataclass(frozen=True)
class History:
    """What came before each of B samples: N moments at the mixture's rate, the oldest first and the last one now."""

    images: dict[str, Tensor]
    """(B, N, 3, S, S) uint8, RGB, by camera; black where there is none."""
    image_mask: dict[str, Tensor]
    """(B, N) bool by camera: false before an episode's beginning, in a gap, and where a source lacks the camera."""
    state: Tensor
    """(B, N, 20) float32, each in its own moment's frame."""
    state_mask: Tensor
    """(B, N, 20) bool."""


@dataclass(frozen=True)
class Batch:
    """B samples. Actions and states are in raw units (m, rot6d, opening), 0 where masked."""

    image: Tensor
    """(B, 3, S, S) uint8, RGB, of the camera every source has."""
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
    weight: Tensor
    """(B,) float32: how many times as often its source is drawn as it would be by its number of steps.

    Drawing has already done what the manifest's ratios and weights ask for, so a loss needs no weight. Divided by this
    one, its mean is that over the steps as they lie in the shards.
    """
    further: dict[str, Tensor] = field(default_factory=dict)
    """(B, 3, S, S) uint8, RGB, by name of the further cameras that were asked for; black where there is none."""
    further_mask: dict[str, Tensor] = field(default_factory=dict)
    """(B,) bool by name: false where the source or the moment lacks the camera."""
    history: History | None = None
    """Where it was asked for; `image`, `further` and `state` are its last moment."""

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device; from pinned memory the copies go on while Python does."""
        return replace(self, **_changed(self, lambda tensor: tensor.to(device, non_blocking=tensor.is_pinned())))

    def pin_memory(self) -> Batch:
        """A copy in memory that a GPU can read from while Python goes on."""
        return replace(self, **_changed(self, torch.Tensor.pin_memory))


@dataclass(frozen=True)
class View:
    """What is shown of each sample besides its state and action."""

    images: bool = True
    """Without them, pictures have the size 0."""
    cameras: tuple[str, ...] = ()
    """Further cameras by name: `wrist` is the column `image_wrist`."""
    history: int = 1
    """Moments at the mixture's rate, now among them; with one, a batch has no `history`."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The image columns that are shown, the primary camera's first."""
        return (PRIMARY_CAMERA, *(f"{PRIMARY_CAMERA}_{name}" for name in self.cameras)) if self.images else ()


class BatchLayout:
    """The arrays that a batch of a mixture is made of, one behind the other."""

    def __init__(self, mixture: Mixture, view: View) -> None:
        side, horizon, moments = mixture.image_size_px, mixture.action_space.horizon, view.history
        self._view, self._embodiments = view, mixture.embodiments
        self._fields: dict[str, tuple[DTypeLike, tuple[int, ...]]] = {}
        for column in view.columns:
            self._fields[column] = np.uint8, (moments, side, side, 3)
            self._fields[f"{column}_mask"] = np.bool_, (moments,)
        self._fields |= {
            "state": (np.float32, (moments, STATE_DIM)),
            "state_mask": (np.bool_, (moments, STATE_DIM)),
            "action": (np.float32, (horizon, ACTION_DIM)),
            "action_mask": (np.bool_, (horizon, ACTION_DIM)),
            "embodiment_index": (np.int64, ()),
            "sample": (np.int64, ()),
            "weight": (np.float32, ()),
            "text_index": (np.int64, ()),
        }

    def num_bytes(self, size: int) -> int:
        """Memory for a batch of `size` samples."""
        return sum(_aligned(size * _num_bytes(*described)) for described in self._fields.values())

    def arrays(self, memory: NDArray[np.uint8], size: int) -> Arrays:
        """The arrays of `size` samples each, as views of memory of at least `num_bytes`."""
        arrays, start = {}, 0
        for name, (dtype, shape) in self._fields.items():
            stop = start + size * _num_bytes(dtype, shape)
            arrays[name] = memory[start:stop].view(dtype).reshape(size, *shape)
            start = _aligned(stop)
        return arrays

    def batch(self, arrays: Arrays, texts: Sequence[str]) -> Batch:
        """The batch that arrays make up without being copied; `text_index` counts in `texts`."""
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        size = len(tensors["sample"])
        blind = torch.zeros((size, self._view.history, 3, 0, 0), dtype=torch.uint8)
        pictures = {column: tensors[column].permute(0, 1, 4, 2, 3) for column in self._view.columns}
        masks = {column: tensors[f"{column}_mask"] for column in self._view.columns}
        history = History(
            images={_camera(column): image for column, image in pictures.items()},
            image_mask={_camera(column): mask for column, mask in masks.items()},
            state=tensors["state"],
            state_mask=tensors["state_mask"],
        )
        further = self._view.columns[1:]
        embodiment_index = tensors["embodiment_index"]
        return Batch(
            image=pictures.get(PRIMARY_CAMERA, blind)[:, -1],
            text=[texts[index] for index in arrays["text_index"].tolist()],
            state=history.state[:, -1],
            state_mask=history.state_mask[:, -1],
            action=tensors["action"],
            action_mask=tensors["action_mask"],
            embodiment=[self._embodiments[index] for index in embodiment_index.tolist()],
            embodiment_index=embodiment_index,
            sample=tensors["sample"],
            weight=tensors["weight"],
            further={_camera(column): pictures[column][:, -1] for column in further},
            further_mask={_camera(column): masks[column][:, -1] for column in further},
            history=history if self._view.history > 1 else None,
        )


def _camera(column: str) -> str:
    """The name of the camera of an image column; that of the primary one is `image`."""
    return column.removeprefix(f"{PRIMARY_CAMERA}_")


def _num_bytes(dtype: DTypeLike, shape: tuple[int, ...]) -> int:
    return int(np.dtype(dtype).itemsize * prod(shape))


def _aligned(num_bytes: int) -> int:
    return -(-num_bytes // _ALIGNMENT) * _ALIGNMENT


def _changed(value: Batch | History, change: Callable[[Tensor], Tensor]) -> dict[str, Any]:
    """The fields that hold tensors, each of them changed."""
    changed: dict[str, Any] = {}
    for name, part in vars(value).items():
        if isinstance(part, Tensor):
            changed[name] = change(part)
        elif isinstance(part, dict):
            changed[name] = {key: change(tensor) for key, tensor in part.items()}
        elif isinstance(part, History):
            changed[name] = replace(part, **_changed(part, change))
    return changed
