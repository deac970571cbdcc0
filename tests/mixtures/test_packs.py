"""Packs and indexes: made again where they can be, refused where they are not what the manifest names."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from builders import make_episode, write_source

from humandata.dataset.image_places import image_places
from humandata.dataset.read import open_source
from humandata.errors import DatasetError, OutputError
from humandata.mixtures.loader import MixtureLoader
from humandata.mixtures.mix import mix
from humandata.mixtures.options import MixOptions
from humandata.mixtures.packs import CACHE_FOLDER
from humandata.schemas.mixture import ActionSpace, read_mixture


@pytest.fixture
def path(shards: Path, tmp_path: Path) -> Path:
    out = tmp_path / "mixture.json"
    mix([shards], out, MixOptions(batch_size=6, action_space=ActionSpace(horizon=4), image_size_px=16))
    return out


def test_images_lie_where_they_are_said_to(tmp_path: Path) -> None:
    source = open_source(write_source(tmp_path / "robot", [make_episode(1, num_steps=21)]))
    episode = source.read_episode(source.episodes().column("id")[0].as_py())
    file = source.steps_path(episode.id)
    content = file.read_bytes()
    images = [content[offset : offset + length] for offset, length in image_places(file)]
    assert images == episode.images["image"]


def test_images_of_a_file_that_others_wrote_are_read_through_parquet(path: Path, shards: Path) -> None:
    first = next(iter(MixtureLoader(path)))
    for file in (shards / "robot" / "data").iterdir():
        pq.write_table(pq.read_table(file), file, compression="ZSTD")
        assert (image_places(file) == -1).all()
    for pack in (path.parent / CACHE_FOLDER).glob("*.npy"):
        pack.unlink()
    again = next(iter(MixtureLoader(path)))
    assert torch.equal(first.image, again.image)
    assert torch.equal(first.action, again.action)


def test_a_pack_that_cannot_be_written_is_told_and_leaves_nothing(shards: Path, tmp_path: Path) -> None:
    (tmp_path / CACHE_FOLDER).touch()
    with pytest.raises(OutputError, match=rf"{CACHE_FOLDER}/.*cannot be written.*--out"):
        mix([shards], tmp_path / "mixture.json", MixOptions())
    assert sorted(path.name for path in tmp_path.iterdir()) == [CACHE_FOLDER, "shards"]


def test_a_damaged_step_file_is_named(path: Path, shards: Path) -> None:
    for file in (shards / "robot" / "data").iterdir():
        file.write_bytes(b"PAR1")
    with pytest.raises(DatasetError, match="ends too early"):
        next(iter(MixtureLoader(path)))
    for pack in (path.parent / CACHE_FOLDER).glob("*.npy"):
        pack.unlink()
    with pytest.raises(DatasetError, match="humandata validate"):
        next(iter(MixtureLoader(path)))


def test_an_index_that_is_missing_or_another_is_named(path: Path) -> None:
    index = path.parent / read_mixture(path).index.file
    content = bytearray(index.read_bytes())
    content[len(content) // 2] ^= 1
    index.write_bytes(bytes(content))
    with pytest.raises(DatasetError, match="its content changed"):
        next(iter(MixtureLoader(path)))
    index.unlink()
    with pytest.raises(DatasetError, match="index of the mixture is missing"):
        next(iter(MixtureLoader(path)))
