"""Sources on an object store are read as those on a disk are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from humandata.cli import app
from humandata.dataset.image_places import image_places, places_in_run
from humandata.dataset.read import find_sources, open_source
from humandata.dataset.records import quarantine_path, read_quarantine
from humandata.dataset.validate import validate_source
from humandata.dataset.write import quarantine_input
from humandata.errors import DatasetError
from humandata.mixtures.manifest import open_sources
from humandata.schemas.mixture import read_mixture
from humandata.storage import Store


@pytest.fixture
def remote(shards: Path, bucket: Store) -> Path:
    """The shard folder, in a bucket."""
    for path in (path for path in shards.rglob("*") if path.is_file()):
        (bucket / "shards").upload(path.relative_to(shards).as_posix(), path)
    return Path((bucket / "shards").url)


def test_tables_steps_and_images_are_those_on_the_disk(shards: Path, remote: Path) -> None:
    here, there = find_sources(shards), find_sources(remote)
    assert [source.document for source in there] == [source.document for source in here]
    for ours, theirs in zip(here, there, strict=True):
        assert theirs.episodes().equals(ours.episodes())
        name = ours.episodes().column("id")[1].as_py()
        assert theirs.read_steps(name).equals(ours.read_steps(name))
        assert theirs.read_images(name, [3, 0]) == ours.read_images(name, [3, 0])
        runs, places = image_places(theirs.steps_path(name)), image_places(ours.steps_path(name))
        offset, length = runs[9]  # the second image of the second row group of eight
        run = Store.at(theirs.path).read_range(f"data/{name}.parquet", int(offset), int(length))
        found = places_in_run(run)
        assert found is not None
        assert [(offset + start, size) for start, size in found] == [tuple(place) for place in places[8:16].tolist()]
    with pytest.raises(DatasetError, match="no shards here"):
        find_sources(remote / "data")


def test_what_is_damaged_or_missing_is_found(remote: Path) -> None:
    source = open_source(remote / "hands")
    assert list(validate_source(source)) == []
    store, [first, second, *_] = Store.at(source.path), source.episodes().column("id").to_pylist()
    store.write(f"data/{first}.parquet", store.read(f"data/{second}.parquet"))
    store.delete(f"data/{second}.parquet")
    store.write("data/stray.parquet", b"")
    told = {problem.where: problem.what for problem in validate_source(source)}
    assert "another SHA-256" in told[f"data/{first}.parquet"]
    assert "data/stray.parquet" in told
    assert f"data/{second}.parquet" in told


def test_what_failed_can_be_listed_and_allowed_again(remote: Path, shards: Path) -> None:
    record = quarantine_input(shards / "hands", "broken.mp4", "extract", "broken: holds text")
    path = quarantine_path(shards / "hands", "broken.mp4")
    Store.at(remote).upload(path.relative_to(shards).as_posix(), path)
    command = CliRunner()
    [told] = json.loads(command.invoke(app, ["quarantine", "list", str(remote), "--json"]).stdout)
    assert (told["input"], told["attempts"]) == ("broken.mp4", 1)
    assert command.invoke(app, ["quarantine", "retry", str(remote / "hands"), "broken.mp4"]).exit_code == 0
    assert read_quarantine(remote / "hands") == [record.model_copy(update={"attempts": 0})]


def test_inspect_and_mix_take_a_bucket(remote: Path, tmp_path: Path) -> None:
    command = CliRunner()
    shown = command.invoke(app, ["inspect", str(remote), "--json"])
    assert [source["counts"]["episodes"] for source in json.loads(shown.stdout)["sources"]] == [4, 4]
    manifest = tmp_path / "mixture.json"
    mixed = command.invoke(app, ["mix", str(remote), "--robot-ratio", "0.5", "--out", str(manifest)])
    assert mixed.exit_code == 0, mixed.output
    mixture = read_mixture(manifest)
    assert [source.path for source in mixture.sources] == [Store.at(remote / name).url for name in ("hands", "robot")]
    assert [source.document.name for source in open_sources(mixture, tmp_path)] == ["hands", "robot"]
