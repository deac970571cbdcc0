"""Batches under the keys that other trainers expect. Numbers stay in raw units; masks say which are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from humandata.arrays import BoolArray, Float32Array, Image
from humandata.errors import unknown_name
from humandata.mixtures.batch import Batch
from humandata.schemas.episode import PRIMARY_CAMERA

LeRobotBatch = dict[str, Tensor | list[str]]

OPENPI_CAMERAS = ("base_0_rgb", "left_wrist_0_rgb", "right_wrist_0_rgb")
"""`IMAGE_KEYS` of openpi's src/openpi/models/model.py; a mixture fills the first, and others as told."""


class OpenpiBatch(TypedDict):
    """What openpi's `Observation.from_dict` takes once the prompt is tokenised, and `actions` beside it."""

    image: dict[str, Image]
    """(B, S, S, 3) by camera; black where there is none."""
    image_mask: dict[str, BoolArray]
    """(B,) by camera."""
    state: Float32Array
    """(B, 20)."""
    actions: Float32Array
    """(B, H, 26)."""
    actions_mask: BoolArray
    """(B, H, 26); openpi's own losses do not look at it."""
    prompt: list[str]


def lerobot_batch(batch: Batch, camera: str = PRIMARY_CAMERA) -> LeRobotBatch:
    """A batch for LeRobot's policies, whose keys are those of its datasets.

    `observation.images.<camera>` is (B, 3, S, S) float32 in [0, 1], and so is that of each further camera by its own
    name; with a history they are (B, N, 3, S, S), the state is (B, N, 20), and `<key>_is_pad` (B, N) is true where
    there is nothing. `action_is_pad` (B, H) is true where no number of a step is known. The masks of single dimensions,
    which LeRobot has no key for, are `action_mask` and `observation.state_mask`. Pictures become floats on the device
    that the batch lies on.
    """
    past = batch.history
    given: LeRobotBatch = {
        "observation.state": past.state if past else batch.state,
        "observation.state_mask": past.state_mask if past else batch.state_mask,
        "action": batch.action,
        "action_is_pad": ~batch.action_mask.any(dim=-1),
        "action_mask": batch.action_mask,
        "task": list(batch.text),
    }
    for name, image in (past.images if past else {PRIMARY_CAMERA: batch.image, **batch.further}).items():
        given[f"observation.images.{camera if name == PRIMARY_CAMERA else name}"] = image.float() / 255.0
    if past:
        for name, mask in past.image_mask.items():
            given[f"observation.images.{camera if name == PRIMARY_CAMERA else name}_is_pad"] = ~mask
        given["observation.state_is_pad"] = ~past.state_mask.any(dim=-1)
    return given


def openpi_batch(batch: Batch, cameras: Mapping[str, str] | None = None) -> OpenpiBatch:
    """A batch for openpi's models; `cameras` says which further camera of the batch is which of OPENPI_CAMERAS.

    UsageError where openpi knows no such camera.
    """
    for name in cameras or {}:
        if name not in OPENPI_CAMERAS[1:]:
            raise unknown_name("camera of openpi", name, OPENPI_CAMERAS[1:])
    picture = _rows_of_pixels(batch.image)
    shown = {OPENPI_CAMERAS[0]: (picture, np.ones(len(picture), dtype=bool))}
    for name, ours in (cameras or {}).items():
        shown[name] = _rows_of_pixels(batch.further[ours]), batch.further_mask[ours].numpy()
    nothing = np.zeros_like(picture), np.zeros(len(picture), dtype=bool)
    return {
        "image": {name: shown.get(name, nothing)[0] for name in OPENPI_CAMERAS},
        "image_mask": {name: shown.get(name, nothing)[1] for name in OPENPI_CAMERAS},
        "state": batch.state.numpy(),
        "actions": batch.action.numpy(),
        "actions_mask": batch.action_mask.numpy(),
        "prompt": list(batch.text),
    }


def sample_arrays(batch: Batch) -> dict[str, NDArray[np.generic]]:
    """The samples of a batch as columns (B, ...) of NumPy arrays, under the batch's own names.

    Pictures are (B, S, S, 3). A further camera is `image_<name>` with `image_<name>_mask`.
    """
    columns: dict[str, NDArray[np.generic]] = {"image": _rows_of_pixels(batch.image)}
    for name, image in batch.further.items():
        columns[f"{PRIMARY_CAMERA}_{name}"] = _rows_of_pixels(image)
        columns[f"{PRIMARY_CAMERA}_{name}_mask"] = batch.further_mask[name].numpy()
    for name in ("state", "state_mask", "action", "action_mask", "embodiment_index", "sample", "weight"):
        columns[name] = getattr(batch, name).numpy()
    return columns | {name: np.array(getattr(batch, name), dtype=object) for name in ("text", "embodiment")}


def _rows_of_pixels(image: Tensor) -> Image:
    """Pictures (B, S, S, 3) of (B, 3, S, S)."""
    return np.ascontiguousarray(image.permute(0, 2, 3, 1).numpy())
