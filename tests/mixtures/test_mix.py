"""`mix` writes a manifest that is exact, repeatable and refuses what it cannot honour."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import make_episode, write_source
from mixture_builders import masked_track

from humandata.actions import ACTION_LAYOUT, STATE_LAYOUT, ActionGrid, encode_chunks, encode_states
from humandata.errors import DatasetError, HumandataError, UsageError
from humandata.mixtures.manifest import open_sources, write_mixture
from humandata.mixtures.mix import mix
from humandata.mixtures.options import MixOptions
from humandata.mixtures.step_index import open_index
from humandata.mixtures.validate import validate_mixture
from humandata.schemas.episode import Episode
from humandata.schemas.mixture import ActionSpace, Mixture, read_mixture

SHORT = ActionSpace(horizon=5, rate_hz=30.0)


def unknown_camera(seed: int) -> Episode:
    """A hand before a camera of which nothing is known."""
    episode = make_episode(seed, "human_hands", rate_hz=15.0)
    nowhere = np.full_like(episode.T_world_camera, np.nan)
    provenance = replace(episode.provenance, world_frame="camera", camera_motion="unknown", intrinsics="assumed")
    return replace(
        episode, T_world_camera=nowhere, world_valid=np.zeros(episode.num_steps, bool), provenance=provenance
    )


def test_the_manifest_freezes_what_it_was_told(shards: Path, tmp_path: Path) -> None:
    summary = mix([shards], tmp_path / "mixture.json", MixOptions(robot_ratio=0.8, action_space=SHORT, seed=3))
    mixture = read_mixture(tmp_path / "mixture.json")
    assert mixture.groups == {"robot": 0.8, "human": 0.2}
    assert [(source.name, source.group, source.path) for source in mixture.sources] == [
        ("hands", "human", "shards/hands"),
        ("robot", "robot", "shards/robot"),
    ]
    assert mixture.seed == 3
    assert mixture.embodiments == ("franka_panda", "human_hands")
    assert summary.manifest_sha256 == mixture.manifest_sha256
    for source, told in zip(mixture.sources, summary.sources, strict=True):
        assert source.training.num_episodes == told.training_episodes == 3
        assert source.held_out.num_episodes == told.held_out_episodes == 1
        # Of 40 steps all but the last have a first target 1/30 s ahead.
        assert source.training.num_steps == 3 * 39
        assert told.epochs == pytest.approx(told.share * 64 * 100_000 / (3 * 39))
    assert validate_mixture(tmp_path / "mixture.json") == []


def test_a_rerun_gives_the_same_bytes(shards: Path, tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        mix([shards], tmp_path / name, MixOptions(robot_ratio=0.8, action_space=SHORT))
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_normalisation_is_of_the_training_steps_on_the_mixtures_grid(shards: Path, tmp_path: Path) -> None:
    options = MixOptions(action_space=SHORT, slowdowns={"robot": 2.0})
    mix([shards], tmp_path / "mixture.json", options)
    mixture = read_mixture(tmp_path / "mixture.json")
    robot, source = mixture.sources[1], open_sources(mixture, tmp_path)[1]
    index = open_index(mixture, tmp_path)
    located = index.every(1, held_out=False, stride=39)
    tracks = [masked_track(source, episode_id) for episode_id in index.texts("episode", located.span)]
    assert len(tracks) == robot.training.num_episodes
    chunks = [encode_chunks(track, np.arange(39), ActionGrid(5, 30.0, slowdown=2.0)) for track in tracks]
    actions, mask = (np.concatenate([chunk[part] for chunk in chunks]).reshape(-1, 26) for part in (0, 1))
    figures = mixture.normalization["franka_panda"]
    for dim in np.flatnonzero(mask.any(axis=0)):
        known = actions[mask[:, dim], dim]
        assert figures.action.num_values[dim] == len(known)
        np.testing.assert_allclose(figures.action.mean[dim], known.mean(), rtol=1e-5, atol=1e-7)
        # Some 580 values: a quantile lies between order statistics, which differ by a few percent of the range.
        np.testing.assert_allclose(figures.action.q01[dim], np.quantile(known, 0.01), atol=0.03 * np.ptp(known) + 1e-9)
    states = np.concatenate([encode_states(track, np.arange(39))[0] for track in tracks])
    np.testing.assert_allclose(figures.state.mean[10:], states.mean(axis=0)[10:], rtol=1e-5, atol=1e-6)


def test_what_is_masked_is_not_normalised(shards: Path, tmp_path: Path) -> None:
    mix([shards], tmp_path / "mixture.json", MixOptions(action_space=SHORT, mask_rotations=("robot",)))
    figures = read_mixture(tmp_path / "mixture.json").normalization
    for part, layout in (("state", STATE_LAYOUT), ("action", ACTION_LAYOUT)):
        for name, known in (("franka_panda", False), ("human_hands", True)):
            rotation = getattr(figures[name], part).num_values[layout["right_rot6d"]]
            assert (min(rotation) > 0) == known == (max(rotation) > 0)
        assert min(getattr(figures["franka_panda"], part).num_values[layout["right_position"]]) > 0


def test_a_human_gripper_is_masked_unless_asked_for(shards: Path, tmp_path: Path) -> None:
    for human_gripper, num_values in (("mask", 0), ("aperture", 3 * 39)):
        space = ActionSpace.model_validate({"horizon": 1, "human_gripper": human_gripper})
        mix([shards], tmp_path / "mixture.json", MixOptions(action_space=space))
        figures = read_mixture(tmp_path / "mixture.json").normalization["human_hands"]
        assert figures.action.num_values[19] == figures.state.num_values[19] == num_values


@pytest.mark.parametrize(("ratio", "missing", "command"), [(0.8, "robot", "ingest"), (0.2, "human", "extract")])
def test_a_group_that_is_asked_for_but_missing_is_an_error(
    tmp_path: Path, ratio: float, missing: str, command: str
) -> None:
    present = "human_hands" if missing == "robot" else "franka_panda"
    write_source(tmp_path / "shards" / "only", [make_episode(0, present), make_episode(1, present)])
    with pytest.raises(DatasetError, match=f"no {missing} data in .*humandata {command}"):
        mix([tmp_path / "shards"], tmp_path / "mixture.json", MixOptions(robot_ratio=ratio, action_space=SHORT))
    assert not (tmp_path / "mixture.json").exists()
    mix([tmp_path / "shards"], tmp_path / "mixture.json", MixOptions(action_space=SHORT))
    assert list(read_mixture(tmp_path / "mixture.json").groups.values()) == [1.0]


def test_an_unknown_camera_needs_a_word_from_the_user(tmp_path: Path) -> None:
    out = tmp_path / "mixture.json"
    write_source(tmp_path / "shards" / "walk", [unknown_camera(0), unknown_camera(1)])
    with pytest.raises(DatasetError, match="--static-camera walk"):
        mix([tmp_path / "shards"], out, MixOptions(action_space=SHORT))
    summary = mix([tmp_path / "shards"], out, MixOptions(action_space=SHORT, static_cameras=("walk",)))
    assert summary.sources[0].training_steps == 39
    assert summary.sources[0].camera_motion == ("declared static",)
    assert any("intrinsics" in warning for warning in summary.warnings)
    assert read_mixture(out).sources[0].static_camera

    write_source(tmp_path / "shards" / "desk", [make_episode(seed, "human_hands") for seed in range(2)])
    summary = mix([tmp_path / "shards"], out, MixOptions(action_space=SHORT))
    assert any("walk: 2 of 2 episodes are left out" in warning for warning in summary.warnings)
    assert [source.share for source in summary.sources] == [1.0, 0.0]


def test_a_slowdown_evens_out_the_speeds_it_was_suggested_for(shards: Path, tmp_path: Path) -> None:
    out = tmp_path / "mixture.json"
    fast = mix([shards], out, MixOptions(action_space=SHORT))
    speeds = {source.name: source.median_speed or 0.0 for source in fast.sources}
    assert max(speeds.values()) > 1.5 * min(speeds.values())
    name = max(speeds, key=lambda each: speeds[each])
    assert any(f"--slowdown {name}=" in warning for warning in fast.warnings)
    slowdown = speeds[name] / min(speeds.values())
    slow = mix([shards], out, MixOptions(action_space=SHORT, slowdowns={name: slowdown}))
    # Interpolation along another chord changes a speed by under a percent.
    assert {source.name: source.median_speed for source in slow.sources}[name] == pytest.approx(
        min(speeds.values()), rel=0.02
    )
    assert not any("--slowdown" in warning for warning in slow.warnings)


def test_repeats_beyond_the_limit_are_an_error_unless_allowed(shards: Path, tmp_path: Path) -> None:
    options = MixOptions(robot_ratio=0.999, action_space=SHORT)
    with pytest.raises(UsageError, match=r"source 'robot' .* 999 times .*--max-repeats"):
        mix([shards], tmp_path / "mixture.json", options)
    summary = mix([shards], tmp_path / "mixture.json", replace(options, max_repeats=1000.0))
    assert max(source.repeats for source in summary.sources) == pytest.approx(999)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (MixOptions(robot_ratio=1.5), "from 0 to 1"),
        (MixOptions(slowdowns={"robbot": 2.0}), "Did you mean 'robot'"),
        (MixOptions(slowdowns={"robot": 0.0}), "above 0"),
        (MixOptions(weights={"robot": -1.0}), "negative"),
        (MixOptions(weights={"robot": 0.0}), "weight 0"),
        (MixOptions(held_out_fraction=1.0), "held-out fraction"),
    ],
)
def test_a_wrong_option_is_named(shards: Path, tmp_path: Path, options: MixOptions, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        mix([shards], tmp_path / "mixture.json", options)


def test_a_changed_or_missing_shard_is_named(shards: Path, tmp_path: Path) -> None:
    mix([shards], tmp_path / "mixture.json", MixOptions(action_space=SHORT))
    mixture = read_mixture(tmp_path / "mixture.json")
    write_source(shards / "robot", [make_episode(9)])
    with pytest.raises(DatasetError, match=r"source 'robot' has changed.*the shard changed.*humandata mix"):
        open_sources(mixture, tmp_path)
    assert "the shard changed" in validate_mixture(tmp_path / "mixture.json")[0].what
    (shards / "hands").rename(shards / "elsewhere")
    with pytest.raises(DatasetError, match="source 'hands' of the mixture is gone"):
        open_sources(mixture, tmp_path)


def edit_group(document: dict[str, Any]) -> None:
    document["groups"]["robot"] = 0.9


def edit_field(document: dict[str, Any]) -> None:
    document["sources"][0]["slow_down"] = 2.0


def edit_steps(document: dict[str, Any]) -> None:
    document["sources"][0]["training"]["num_steps"] = 20


def edit_index(document: dict[str, Any]) -> None:
    del document["index"]


def edit_version(document: dict[str, Any]) -> None:
    document["schema_version"] = "9.0"


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (edit_group, "must sum to 1"),
        (edit_field, "did you mean 'slowdown'"),
        (edit_steps, "num_steps 20"),
        (edit_index, "names no index.*humandata mix"),
        (edit_version, "schema version 9.0"),
    ],
)
def test_an_edit_that_makes_no_sense_is_an_error(
    shards: Path, tmp_path: Path, edit: Callable[[dict[str, Any]], None], message: str
) -> None:
    path = tmp_path / "mixture.json"
    mix([shards], path, MixOptions(action_space=SHORT))
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document))
    with pytest.raises(HumandataError, match=message):
        open_index(read_mixture(path), tmp_path)


def test_the_hash_is_of_the_content_not_of_the_layout(shards: Path, tmp_path: Path) -> None:
    path = tmp_path / "mixture.json"
    mix([shards], path, MixOptions(action_space=SHORT))
    mixture = read_mixture(path)
    path.write_text(json.dumps(json.loads(path.read_text()), sort_keys=True))
    assert read_mixture(path).manifest_sha256 == mixture.manifest_sha256
    other: Mixture = mixture.model_copy(update={"seed": 1})
    write_mixture(path, other)
    assert read_mixture(path) == other
    assert other.manifest_sha256 != mixture.manifest_sha256
