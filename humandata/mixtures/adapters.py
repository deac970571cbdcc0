"""Batches under the keys that other trainers expect. Numbers stay in raw units; masks say which are known."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from humandata.mixtures.batch import Batch

LeRobotBatch = dict[str, Tensor | list[str]]

OPENPI_CAMERAS = ("base_0_rgb", "left_wrist_0_rgb", "right_wrist_0_rgb")
"""`IMAGE_KEYS` of openpi's src/openpi/models/model.py; a mixture fills the first."""


class OpenpiBatch(TypedDict):
    """What openpi's `Observation.from_dict` takes once the prompt is tokenised, and `actions` beside it."""

    image: dict[str, NDArray[np.uint8]]
    """(B, S, S, 3) by camera; black where there is none."""
    image_mask: dict[str, NDArray[np.bool_]]
    """(B,) by camera."""
    state: NDArray[np.float32]
    """(B, 20)."""
    actions: NDArray[np.float32]
    """(B, H, 26)."""
    actions_mask: NDArray[np.bool_]
    """(B, H, 26); openpi's own losses do not look at it."""
    prompt: list[str]


def lerobot_batch(batch: Batch, camera: str = "image") -> LeRobotBatch:
    """A batch for LeRobot's policies, whose keys are those of its datasets.

    `observation.images.<camera>` is (B, 3, S, S) float32 in [0, 1]; `action_is_pad` (B, H) is true where no number of a
    step is known. The masks of single dimensions, which LeRobot has no key for, are `action_mask` and
    `observation.state_mask`.
    """
    return {
        f"observation.images.{camera}": batch.image.float() / 255.0,
        "observation.state": batch.state,
        "observation.state_mask": batch.state_mask,
        "action": batch.action,
        "action_is_pad": ~batch.action_mask.any(dim=-1),
        "action_mask": batch.action_mask,
        "task": list(batch.text),
    }


def openpi_batch(batch: Batch) -> OpenpiBatch:
    """A batch for openpi's models."""
    picture = np.ascontiguousarray(batch.image.permute(0, 2, 3, 1).numpy())
    nothing = np.zeros_like(picture)
    return {
        "image": {name: picture if name == OPENPI_CAMERAS[0] else nothing for name in OPENPI_CAMERAS},
        "image_mask": {name: np.full(len(picture), name == OPENPI_CAMERAS[0]) for name in OPENPI_CAMERAS},
        "state": batch.state.numpy(),
        "actions": batch.action.numpy(),
        "actions_mask": batch.action_mask.numpy(),
        "prompt": list(batch.text),
    }
