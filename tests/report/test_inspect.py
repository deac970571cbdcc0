"""Summaries of what lies at a path, as data for a script and as tables for a person."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from builders import RECIPE, make_episode

from humandata.dataset.compile import compile_source
from humandata.dataset.write import InputIdentity, Rejection, write_input
from humandata.errors import UsageError
from humandata.mixtures.mix import mix
from humandata.mixtures.options import MixOptions
from humandata.report.inspect import print_summary, summarise
from humandata.schemas.mixture import ActionSpace


def test_a_shard_folder_is_summarised_source_by_source(shards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    summary = summarise(shards)
    assert [source["name"] for source in summary["sources"]] == ["hands", "robot"]
    hands = summary["sources"][0]
    assert hands["counts"]["episodes"] == len(hands["episodes"]) == 4
    assert hands["provenance"]["scale"] == {"assumed": 4}
    assert hands["tasks"] == {"push": 4}
    assert summarise(shards / "hands")["sources"] == [hands], "a source by itself says the same"
    assert summarise(shards / "hands" / "source.json")["sources"] == [hands]
    assert hands["quality"] == {"mean_confidence": 1.0}
    print_summary(summary)
    told = capsys.readouterr().out
    assert "4 kept, 0 rejected" in told
    assert "mean_confidence 1" in told


def test_what_was_rejected_is_told_with_its_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reason = "the right hand turns faster than 20 rad/s"
    stretch = Rejection("0" * 16, "push", "a.mp4", 500_000_000, 2_000_000_000, "angular_speed", reason, 0.4, 0.1)
    source, episode = tmp_path / "hands", make_episode(2, "human_hands")
    identity = InputIdentity(episode.input, episode.input_sha256, size_bytes=1, mtime_ns=1)
    write_input(source, identity, RECIPE.sha256, [episode], rejected=[stretch])
    compile_source(source, "hands", "human_video", "test", RECIPE)
    summary = summarise(source)
    assert summary["sources"][0]["rejected"][0]["reason"] == reason
    print_summary(summary)
    told = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "rejected by angular_speed (1)" in told
    assert "a.mp4 0.5 2 angular_speed" in told
    assert "`--set filters.angular_speed.SETTING=X`; SETTING is one of max_rad_s, max_fraction" in told


def test_an_episode_is_summarised_by_its_arms(shards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    episode = make_episode(2, "human_hands", rate_hz=15.0)
    summary = summarise(shards / "hands", episode.id)
    arm = summary["episode"]["arms"]["right"]
    position = episode.arms["right"].T_world_ee[:, :3, 3]
    np.testing.assert_allclose(arm["lowest_m"], position.min(axis=0), atol=1e-4)
    np.testing.assert_allclose(arm["highest_m"], position.max(axis=0), atol=1e-4)
    assert arm["valid"] == 1.0
    assert arm["wrist_sigma_m"] == [0.02, 0.02, 0.02]
    assert arm["grips"] == 0, "it opens once, and never closes"
    assert summary["episode"]["seconds"] == pytest.approx(39 / 15)
    assert "64x48, focal length 60.0, 60.0 px" in summary["episode"]["camera"]
    print_summary(summary)
    told = capsys.readouterr().out
    assert episode.id in told
    assert "wrist_sigma_m" in told


def test_a_mixture_is_summarised_and_has_no_episodes(
    shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = tmp_path / "mixture.json"
    mix([shards], manifest, MixOptions(batch_size=4, action_space=ActionSpace(horizon=4), robot_ratio=0.75))
    summary = summarise(manifest)
    assert summary["mixture"]["groups"] == {"human": 0.25, "robot": 0.75}
    print_summary(summary)
    assert "batches of 4: human 0.25, robot 0.75" in capsys.readouterr().out
    with pytest.raises(UsageError, match="a mixture has no episodes of its own"):
        summarise(manifest, "0" * 16)


def test_a_path_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere: no such file or folder"):
        summarise(tmp_path / "nowhere")
