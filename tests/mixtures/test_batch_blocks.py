"""Memory that batches share is used again when nobody looks at it, and never before."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
import torch

from humandata.mixtures.batch import BatchLayout, View
from humandata.mixtures.batch_blocks import BatchBlocks
from humandata.mixtures.loader import MixtureLoader
from humandata.mixtures.mix import mix
from humandata.mixtures.options import MixOptions
from humandata.schemas.mixture import ActionSpace, read_mixture


@pytest.fixture
def path(shards: Path, tmp_path: Path) -> Path:
    out = tmp_path / "mixture.json"
    mix([shards], out, MixOptions(batch_size=3, action_space=ActionSpace(horizon=3), image_size_px=8))
    return out


@pytest.fixture
def blocks(path: Path) -> BatchBlocks:
    return BatchBlocks(2, BatchLayout(read_mixture(path), View()), size=3)


def test_a_block_is_free_again_when_its_last_tensor_is_gone(blocks: BatchBlocks) -> None:
    assert [blocks.take(), blocks.take(), blocks.take()] == [0, 1, None]
    arrays = blocks.arrays(1, 3)
    arrays["sample"][:] = 7
    for name in ("text_index", "embodiment_index"):
        arrays[name][:] = 0
    batch = blocks.packed(1, 3, ["push"]).unpack()
    assert batch.sample.tolist() == [7, 7, 7]
    first_rows = batch.action[:, :1].view(3, 26)
    del batch
    assert blocks.take() is None
    del first_rows
    assert blocks.take() == 1


def test_a_batch_may_be_smaller_than_its_block(blocks: BatchBlocks) -> None:
    arrays = blocks.arrays(0, 1)
    for name in ("text_index", "embodiment_index"):
        arrays[name][:] = 0
    assert blocks.packed(0, 1, ["push"]).unpack().image.shape == (1, 3, 8, 8)


def test_batches_that_are_kept_are_not_written_over(path: Path) -> None:
    """There are more of them than blocks."""
    kept = list(islice(MixtureLoader(path, num_workers=1), 12))
    for batch, other in zip(kept, MixtureLoader(path), strict=False):
        for name in ("sample", "image", "state", "action", "action_mask", "weight"):
            assert torch.equal(getattr(batch, name), getattr(other, name)), name
        assert batch.text == other.text
        assert batch.embodiment == other.embodiment
