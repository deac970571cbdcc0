"""Shards on an object store give the batches that the same shards on this machine give, and are fetched once."""

from __future__ import annotations

import time
from itertools import islice
from pathlib import Path

import pytest
import torch

from humandata.errors import HumandataError
from humandata.mixtures.loader import MixtureLoader
from humandata.mixtures.mix import mix
from humandata.mixtures.options import MixOptions
from humandata.mixtures.range_cache import Range, RangeCache
from humandata.schemas.mixture import ActionSpace, read_mixture
from humandata.storage import Store

OPTIONS = MixOptions(batch_size=8, action_space=ActionSpace(horizon=4), image_size_px=16)


@pytest.fixture
def remote(shards: Path, bucket: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The shards on a store."""
    monkeypatch.setenv("HUMANDATA_CACHE", str(tmp_path / "cache"))
    for file in shards.rglob("*"):
        if file.is_file():
            (bucket / "shards").upload(file.relative_to(shards).as_posix(), file)
    return bucket / "shards"


def test_mixing_and_loading_from_a_store(shards: Path, remote: Store, tmp_path: Path) -> None:
    here, there = tmp_path / "here" / "mixture.json", tmp_path / "there" / "mixture.json"
    mix([shards], here, OPTIONS)
    mix([Path(remote.url)], there, OPTIONS)
    ours, theirs = read_mixture(here), read_mixture(there)
    assert [source.path for source in theirs.sources] == [f"{remote.url}/hands", f"{remote.url}/robot"]
    assert theirs.normalization == ours.normalization
    assert theirs.index == ours.index
    # Other paths are another manifest, and its samples come in another order: steps are compared where both drew them.
    batches = [list(islice(MixtureLoader(path), 30)) for path in (here, there)]
    seen: list[dict[bytes, torch.Tensor]] = [{}, {}]
    for found, drawn in zip(seen, batches, strict=True):
        for batch in drawn:
            found |= {action.numpy().tobytes(): image for action, image in zip(batch.action, batch.image, strict=True)}
    common = seen[0].keys() & seen[1].keys()
    assert len(common) > 100
    assert all(torch.equal(seen[0][key], seen[1][key]) for key in common)
    again = next(iter(MixtureLoader(there, num_workers=1)))
    assert torch.equal(again.image, batches[1][0].image)


def test_what_was_fetched_needs_no_store(remote: Store, tmp_path: Path) -> None:
    path = tmp_path / "mixture.json"
    mix([Path(remote.url)], path, OPTIONS)
    loader = MixtureLoader(path)
    first = loader.batch(0)
    for name in remote.list("robot/data/"):
        remote.delete(name)
    for name in remote.list("hands/data/"):
        remote.delete(name)
    assert torch.equal(loader.batch(0).image, first.image)
    with pytest.raises(HumandataError, match="there is no such object"):
        list(map(loader.batch, range(1, 40)))


def test_the_cache_keeps_its_bound_and_what_was_used_last(bucket: Store, tmp_path: Path) -> None:
    bucket.write("a.bin", bytes(range(256)) * 400)
    cache = RangeCache(tmp_path / "ranges", max_bytes=16_000)
    ranges = [Range(f"{bucket.url}/a.bin", 1000 * number, 1000, "1") for number in range(40)]
    for wanted in ranges:
        (content,) = cache.read([wanted])
        assert content == (bytes(range(256)) * 400)[wanted.offset : wanted.offset + 1000]
        cache.read([ranges[0]])  # used all the time
        time.sleep(0.002)  # the file system's clock ticks every few milliseconds
    files = [path for path in (tmp_path / "ranges").rglob("*") if path.is_file()]
    assert sum(file.stat().st_size for file in files) <= 17_000
    bucket.delete("a.bin")
    assert cache.read([ranges[0], ranges[39], ranges[0]])[2] == bytes(range(256)) * 3 + bytes(range(232))
    with pytest.raises(HumandataError, match="there is no such object"):
        cache.read([ranges[5]])
