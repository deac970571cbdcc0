"""Other trainers' keys hold the same numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from humandata.mixtures.adapters import lerobot_batch, openpi_batch
from humandata.mixtures.batch import Batch
from humandata.mixtures.loader import MixtureLoader
from humandata.mixtures.mix import mix
from humandata.mixtures.options import MixOptions
from humandata.schemas.mixture import ActionSpace


@pytest.fixture
def batch(shards: Path, tmp_path: Path) -> Batch:
    path = tmp_path / "mixture.json"
    # Chunks of three seconds, longer than an episode, so that they end in padding.
    mix([shards], path, MixOptions(batch_size=6, action_space=ActionSpace(horizon=90), image_size_px=16))
    return next(iter(MixtureLoader(path)))


def test_lerobot_keys(batch: Batch) -> None:
    given = lerobot_batch(batch, camera="top")
    image, padded = given["observation.images.top"], given["action_is_pad"]
    assert isinstance(image, torch.Tensor)
    assert isinstance(padded, torch.Tensor)
    torch.testing.assert_close(image * 255.0, batch.image.float())
    assert given["action"] is batch.action
    assert padded.shape == (6, 90)
    assert padded.any()
    assert not padded[:, 0].any()
    assert not batch.action[padded].any()


def test_openpi_keys(batch: Batch) -> None:
    given = openpi_batch(batch)
    np.testing.assert_array_equal(given["image"]["base_0_rgb"].transpose(0, 3, 1, 2), batch.image.numpy())
    assert {name: mask.tolist() for name, mask in given["image_mask"].items()} == {
        "base_0_rgb": [True] * 6,
        "left_wrist_0_rgb": [False] * 6,
        "right_wrist_0_rgb": [False] * 6,
    }
    assert given["actions"].shape == (6, 90, 26)
    assert given["prompt"] == ["push"] * 6
