"""Other trainers' keys hold the same numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from humandata.errors import UsageError
from humandata.mixtures.adapters import lerobot_batch, openpi_batch
from humandata.mixtures.batch import Batch
from humandata.mixtures.huggingface import huggingface_dataset
from humandata.mixtures.loader import MixtureLoader
from humandata.mixtures.mix import mix
from humandata.mixtures.options import MixOptions
from humandata.mixtures.ray_dataset import ray_dataset
from humandata.schemas.mixture import ActionSpace


@pytest.fixture
def path(shards: Path, tmp_path: Path) -> Path:
    out = tmp_path / "mixture.json"
    # Chunks of two seconds, about as long as an episode, so that they end in padding.
    mix([shards], out, MixOptions(batch_size=6, action_space=ActionSpace(horizon=60), image_size_px=16))
    return out


@pytest.fixture
def batch(path: Path) -> Batch:
    return next(iter(MixtureLoader(path)))


def test_lerobot_keys(batch: Batch) -> None:
    given = lerobot_batch(batch, camera="top")
    image, padded = given["observation.images.top"], given["action_is_pad"]
    assert isinstance(image, torch.Tensor)
    assert isinstance(padded, torch.Tensor)
    torch.testing.assert_close(image * 255.0, batch.image.float())
    assert given["action"] is batch.action
    assert padded.shape == (6, 60)
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
    assert given["actions"].shape == (6, 60, 26)
    assert given["prompt"] == ["push"] * 6


def test_lerobot_keys_of_a_history(path: Path) -> None:
    batch = next(iter(MixtureLoader(path, history=2)))
    given = lerobot_batch(batch)
    image, padded, state = (given[f"observation.{key}"] for key in ("images.image", "images.image_is_pad", "state"))
    assert isinstance(image, torch.Tensor)
    assert isinstance(padded, torch.Tensor)
    assert isinstance(state, torch.Tensor)
    assert image.shape == (6, 2, 3, 16, 16)
    assert state.shape == (6, 2, 20)
    assert not image[padded].any()
    assert not padded[:, -1].any()


def test_openpi_has_three_cameras(batch: Batch) -> None:
    wrist = replace(batch, further={"hand": batch.image}, further_mask={"hand": torch.arange(6) > 2})
    given = openpi_batch(wrist, {"right_wrist_0_rgb": "hand"})
    np.testing.assert_array_equal(given["image"]["right_wrist_0_rgb"], given["image"]["base_0_rgb"])
    assert given["image_mask"]["right_wrist_0_rgb"].tolist() == [False] * 3 + [True] * 3
    with pytest.raises(UsageError, match="unknown camera of openpi 'top'"):
        openpi_batch(wrist, {"top": "hand"})


def test_hugging_face_gets_every_sample_in_order(path: Path) -> None:
    dataset = huggingface_dataset(path, first_batch=1)
    rows = list(dataset.take(9))
    batches = [MixtureLoader(path).batch(number) for number in (1, 2)]
    assert [row["sample"] for row in rows] == list(range(6, 15))
    assert rows[0]["text"] == "push"
    for row, action, image in zip(
        rows, torch.cat([each.action for each in batches]), torch.cat([each.image for each in batches]), strict=False
    ):
        np.testing.assert_array_equal(row["action"], action.numpy())
        np.testing.assert_array_equal(np.transpose(row["image"], (2, 0, 1)), image.numpy())


def test_ray_makes_the_same_batches_on_its_workers(path: Path) -> None:
    import ray

    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        # As many workers as there are CPUs, so that nothing else may need one.
        dataset = ray_dataset(path, num_batches=3, first_batch=1, num_workers=2)
        rows = sorted(dataset.iter_rows(), key=lambda row: int(row["sample"]))
    finally:
        ray.shutdown()
    assert [row["sample"] for row in rows] == list(range(6, 24))
    loader = MixtureLoader(path)
    for row, action in zip(rows, torch.cat([loader.batch(number).action for number in (1, 2, 3)]), strict=True):
        np.testing.assert_array_equal(row["action"], action.numpy())
        assert row["text"] == "push"
