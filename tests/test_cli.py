"""The command line as a user meets it: the road, its exit codes, and no traceback for a mistake."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import make_episode, write_source
from reader_builders import LeRobotDataset, make_motion
from rich.console import Console
from typer.core import TyperOption
from typer.main import get_command
from typer.testing import CliRunner, Result

from humandata import __version__
from humandata.cli import app
from humandata.hands.estimator import DetectSettings
from humandata.pipelines.recipe import CameraSettings
from humandata.training.settings import TrainSettings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which commands run in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def humandata(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def test_the_three_commands_as_written_lead_from_videos_to_a_policy(folder: Path, clips: Path) -> None:
    shutil.copytree(clips / "videos", "videos")
    LeRobotDataset([make_motion(seed, num_steps=20) for seed in range(3)]).write(folder / "robot")
    humandata("extract", "videos/", "--out", "shards/", "--set", "decode.rate_hz=15", "--set", "filters={}")
    humandata("ingest", "robot")
    told = humandata("mix", "--robot-ratio", "0.8").output
    assert "every batch of 64 is 20% human, 80% robot." in " ".join(told.split())
    humandata("validate", "mixture.json")
    humandata("train", "--steps", "2", "--set", "workers=0", "--set", "warmup_steps=1")
    [run] = Path("runs").iterdir()
    errors = json.loads((run / "evaluation.json").read_text())["embodiments"]
    assert set(errors) == {"human_hands", "franka_panda_robotiq_2f85"}
    humandata("overlay", str(run), "--out", "predictions.png")
    assert (folder / "predictions.png").read_bytes().startswith(b"\x89PNG")
    assert "a run of `humandata train`" in humandata("inspect", str(run), code=2).output
    assert "nothing to do" in humandata("train", "--steps", "2", "--set", "warmup_steps=1").output
    assert "nothing to do" in humandata("ingest", "robot").output


def options_of(command: object, path: str = "humandata") -> Iterator[tuple[str, TyperOption]]:
    """Every option of every command, after the command's name."""
    for name, child in getattr(command, "commands", {}).items():
        yield from options_of(child, f"{path} {name}")
    for parameter in getattr(command, "params", ()):
        if isinstance(parameter, TyperOption):
            yield f"{path} {parameter.opts[0]}", parameter


def test_every_option_is_explained_and_the_defaults_it_tells_hold() -> None:
    told = {name: option.help or "" for name, option in options_of(get_command(app))}
    assert [name for name, text in told.items() if not text] == []
    train = TrainSettings()
    assert f"default: {CameraSettings().horizontal_fov_deg:g}." in told["humandata extract --fov"]
    assert f"{CameraSettings().motion} (the default" in told["humandata extract --camera"]
    assert f"{DetectSettings().estimator} (the default" in told["humandata extract --estimator"]
    assert f"default: {train.steps}," in told["humandata train --steps"]
    assert f"{train.device} (the default)" in told["humandata train --device"]
    others = set(TrainSettings.model_fields) - {"steps", "device"}
    assert all(name in told["humandata train --set"] for name in others)


@pytest.mark.usefixtures("shards")
def test_what_there_is_can_be_looked_at(folder: Path) -> None:
    assert "sound" in humandata("validate").output
    assert json.loads(humandata("inspect", "--json").stdout)["sources"][0]["counts"]["episodes"] == 4
    episode_id = json.loads(humandata("inspect", "--json").stdout)["sources"][0]["episodes"][0]["id"]
    assert "right" in humandata("inspect", "shards/hands", episode_id).output
    assert "4 kept" in humandata("inspect").output
    humandata("overlay", "shards/hands")
    assert (folder / "overlay.png").read_bytes().startswith(b"\x89PNG")
    humandata("overlay", "shards/robot", "--out", "robot.mp4")
    assert (folder / "robot.mp4").stat().st_size > 1000
    assert "Did you mean" in humandata("inspect", "shards/hands", episode_id[:-1] + "x", code=2).output
    assert ".png" in humandata("overlay", "shards/hands", "--out", "a.gif", code=2).output
    told = humandata("overlay", "shards", code=1).output
    assert "Name one of them: shards/hands, shards/robot" in " ".join(told.split())
    assert "nothing is in quarantine" in humandata("quarantine", "retry").output


def test_a_dry_run_finds_mistakes_that_a_run_would(folder: Path, clips: Path) -> None:
    videos = str(clips / "videos")
    told = humandata("extract", videos, "--set", "filters.speed.max_mps=3", "--dry-run", code=2).output
    assert "unknown field 'max_mps'" in " ".join(told.split())
    assert "without slashes" in humandata("extract", videos, "--name", "a/b", "--dry-run", code=2).output
    assert not any(folder.iterdir())


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("address", ["127.0.0.1:1", "auto"])
def test_a_cluster_that_is_not_there_is_told_at_once(
    clips: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray itself asks again for ten minutes. Nobody listens on port 1, where `auto` leads by what was noted of it."""
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    begun = time.monotonic()
    told = " ".join(humandata("extract", str(clips / "videos"), "--address", address, code=2).output.split())
    assert f"no Ray cluster answers at '{address}' (127.0.0.1:1: Connection refused)" in told
    assert "RAY_AUTH_MODE=token" in told, "a cluster that asks for a token looks to a user like none"
    assert time.monotonic() - begun < 300  # importing Ray takes some seconds, on a busy machine many


@pytest.mark.usefixtures("folder", "shards")
def test_a_narrow_terminal_breaks_no_id_and_hides_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources and ids are what one types next. 80 columns is what a terminal has."""
    monkeypatch.setattr("humandata.report.console._console", lambda: Console(width=80))
    ids = [row["id"] for row in json.loads(humandata("inspect", "--json").stdout)["sources"][0]["episodes"]]
    assert all(each in humandata("inspect").output for each in ids)
    told = humandata("mix", "--robot-ratio", "0.5").output
    assert "\u2026" not in told
    assert max(map(len, humandata("inspect", "mixture.json").output.splitlines())) <= 80


def test_an_interrupted_job_is_told_from_an_empty_folder(folder: Path) -> None:
    (folder / "shards" / "videos" / "inputs").mkdir(parents=True)
    assert "videos was begun" in humandata("inspect", code=1).output
    (folder / "shards" / "videos" / "inputs").rmdir()
    assert "humandata extract videos/" in " ".join(humandata("inspect", code=1).output.split())


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("extract", "nowhere"), 2, "no such file or folder"),
        (("extract", "."), 2, "no video in this folder"),
        (("extract", ".", "--recipe", "defualt"), 2, "Did you mean 'default'"),
        (("extract", ".", "--hand-length", "19"), 2, "person.hand_length_m"),
        (("extract", ".", "--set", "decode.rate=3"), 2, "did you mean 'rate_hz'"),
        (("ingest", "."), 1, "lerobot"),
        (("mix",), 1, "humandata extract"),
        (("train",), 1, "humandata mix"),
        (("train", "--set", "learning_rat=1"), 2, "did you mean 'learning_rate'"),
        (("validate", "nowhere"), 2, "no such file"),
        (("inspect", "nowhere"), 2, "no such file"),
        (("overlay", "nowhere"), 1, "source.json"),
        (("mix", "--slowdown", "videos"), 2, "SOURCE=NUMBER"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_mistake_is_answered_in_a_sentence(arguments: tuple[str, ...], code: int, told: str) -> None:
    assert told in " ".join(humandata(*arguments, code=code).output.split())


@pytest.mark.usefixtures("shards")
def test_mix_takes_mixtures_tells_differences_and_can_run_dry(folder: Path) -> None:
    humandata("mix", "--robot-ratio", "0.8", "--seed", "3", "--out", "a.json")
    told = humandata("mix", "a.json", "--curriculum", "0:0.9,1000:0.5", "--dry-run").output
    assert "dry run: mixture.json is not written" in told
    assert "0.9 from sample 0, 0.5 from sample 1,000" in " ".join(told.split())
    assert not (folder / "mixture.json").exists()
    told = humandata("mix", "shards/*", "--ratio", "robot=0.5", "--unit", "second", "--out", "b.json").output
    assert "of seconds, 50% human, 50% robot" in " ".join(told.split())
    told = humandata("mix", "--diff", "a.json", "b.json").output
    assert "seed: 3 -> 0" in told
    changes = json.loads(humandata("mix", "--diff", "a.json", "b.json", "--json").output)["changes"]
    assert {"about": "ratios", "what": "ratio of robot", "before": "0.8", "after": "0.5"} in changes
    assert "are the same mixture" in humandata("mix", "--diff", "a.json", "a.json").output


def test_a_mixture_needs_robot_data_when_robots_are_asked_for(folder: Path) -> None:
    write_source(folder / "shards" / "hands", [make_episode(seed, "human_hands") for seed in range(3)])
    assert "humandata ingest" in " ".join(humandata("mix", "--robot-ratio", "0.8", code=1).output.split())


@pytest.mark.usefixtures("folder")
def test_training_refuses_a_mixture_whose_shard_has_changed(shards: Path) -> None:
    humandata("mix", "--robot-ratio", "0.5", "--batch-size", "4", "--horizon", "5")
    write_source(shards / "robot", [make_episode(9)])
    output = " ".join(humandata("train", "--steps", "1", code=1).output.split())
    assert "robot" in output
    assert "humandata mix" in output
    assert "robot" in humandata("validate", "mixture.json", code=1).output


def test_an_estimator_that_is_not_there_is_answered_with_what_brings_it(
    folder: Path, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUMANDATA_HAMER", str(folder / "nothing"))
    told = humandata("extract", str(clips / "videos"), "--estimator", "hamer", code=1).output
    assert "pip install --no-deps" in told or "mano.is.tue.mpg.de" in told
    told = humandata("extract", str(clips / "videos"), "--estimator", "hammer", code=2).output
    assert "Did you mean 'hamer'" in told
    assert not (folder / "shards").exists()


def test_a_dry_run_writes_nothing(folder: Path) -> None:
    LeRobotDataset([make_motion(0)]).write(folder / "robot")
    assert json.loads(humandata("ingest", "robot", "--dry-run", "--json").stdout)[0]["pending"]
    assert not (folder / "shards").exists()


def test_version() -> None:
    assert humandata("--version").stdout.strip() == __version__
