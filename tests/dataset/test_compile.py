from __future__ import annotations

from pathlib import Path

import pytest
from builders import make_episode, write_source
from folders import content

from humandata.dataset.compile import finished_record, refuse_mixed_recipes
from humandata.dataset.read import open_source
from humandata.dataset.write import InputIdentity, quarantine_input, write_input
from humandata.errors import UsageError


def test_the_order_of_inputs_does_not_matter(tmp_path: Path) -> None:
    episodes = [make_episode(seed, num_steps=10) for seed in range(3)]
    write_source(tmp_path / "a" / "robot", episodes)
    write_source(tmp_path / "b" / "robot", episodes[::-1])
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_an_orphan_of_a_killed_job_is_removed(tmp_path: Path) -> None:
    episodes = [make_episode(seed, num_steps=10) for seed in range(2)]
    source = write_source(tmp_path / "robot", episodes)
    before = content(source)
    (source / "data" / "0123456789abcdef.parquet").write_bytes(b"half")
    (source / "inputs" / ".x.json.abc.tmp").write_bytes(b"half")
    write_source(source, episodes)
    assert content(source) == before


def test_a_changed_input_replaces_what_it_left(tmp_path: Path) -> None:
    first, second = make_episode(0, num_steps=10), make_episode(0, num_steps=12)
    source = write_source(tmp_path / "robot", [first])
    write_source(source, [second])
    assert [path.stem for path in (source / "data").iterdir()] == [second.id]
    assert open_source(source).document.counts.episodes == 1


def test_a_finished_input_is_known_by_recipe_and_files(tmp_path: Path) -> None:
    episode = make_episode(0, num_steps=10)
    identity = InputIdentity(episode.input, episode.input_sha256, 1, 1)
    write_input(tmp_path, identity, "recipe", [episode])
    assert finished_record(tmp_path, episode.input, "recipe") is not None
    assert finished_record(tmp_path, episode.input, "another recipe") is None
    (tmp_path / "data" / f"{episode.id}.parquet").unlink()
    assert finished_record(tmp_path, episode.input, "recipe") is None


def test_recipes_are_not_mixed_in_one_source(tmp_path: Path) -> None:
    episode = make_episode(0, num_steps=10)
    write_input(tmp_path, InputIdentity(episode.input, episode.input_sha256, 1, 1), "recipe", [episode])
    refuse_mixed_recipes(tmp_path, {episode.input}, "another recipe")
    with pytest.raises(UsageError, match="another recipe"):
        refuse_mixed_recipes(tmp_path, set(), "another recipe")


def test_a_quarantined_input_counts_attempts_and_no_longer_contributes(tmp_path: Path) -> None:
    episode = make_episode(0, num_steps=10)
    write_input(tmp_path, InputIdentity(episode.input, episode.input_sha256, 1, 1), "recipe", [episode])
    assert quarantine_input(tmp_path, episode.input, "decode", "broken").attempts == 1
    assert quarantine_input(tmp_path, episode.input, "decode", "broken").attempts == 2
    assert finished_record(tmp_path, episode.input, "recipe") is None
