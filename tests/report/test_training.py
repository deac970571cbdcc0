"""How a training ended is told in a sentence, in JSON and by the exit code."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from humandata.mixtures.mix import mix
from humandata.mixtures.options import MixOptions
from humandata.report.training import run_training
from humandata.schemas.mixture import ActionSpace, read_mixture
from humandata.training.settings import make_settings
from humandata.training.trainer import Trainer

SETTINGS = make_settings({"steps": 2, "device": "cpu", "workers": 0, "warmup_steps": 1})


@pytest.fixture
def manifest(shards: Path, tmp_path: Path) -> Path:
    path = tmp_path / "mixture.json"
    space = ActionSpace(horizon=4)
    mix([shards], path, MixOptions(batch_size=4, action_space=space, image_size_px=32, held_out_fraction=0.3))
    return path


def test_a_run_is_named_after_its_mixture_and_told_with_its_errors(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_training(manifest, tmp_path / "runs", None, SETTINGS, as_json=False) == 0
    run = tmp_path / "runs" / f"{SETTINGS.policy}-{read_mixture(manifest).manifest_sha256[:8]}"
    told = " ".join(capsys.readouterr().out.split())
    assert "2 steps on cpu in" in told
    assert f"{run}" in told.replace(" ", "")
    assert "human_hands" in told
    assert "franka_panda" in told
    assert run_training(manifest, tmp_path / "runs", None, SETTINGS, as_json=True) == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["run"], again["status"], again["step"]) == (str(run), "already finished", 2)
    assert again["evaluation"] == json.loads((run / "evaluation.json").read_text())


def test_without_anything_held_out_no_error_is_made_up(
    shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mixture.json"
    space = ActionSpace(horizon=4)
    mix([shards], path, MixOptions(batch_size=4, action_space=space, image_size_px=32, held_out_fraction=0.0))
    assert run_training(path, tmp_path / "runs", "mine", SETTINGS, as_json=False) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "no held-out error: the mixture holds nothing out" in told
    assert "two episodes or more" in told, "where there is only one, --held-out alone would not help"
    assert (tmp_path / "runs" / "mine").is_dir()


def test_an_interrupted_run_says_how_to_go_on_and_exits_as_shells_do(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    learn = Trainer.train_step

    def learn_and_press_ctrl_c(trainer: Trainer, batch: object) -> float:
        os.kill(os.getpid(), signal.SIGINT)
        return learn(trainer, batch)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "train_step", learn_and_press_ctrl_c)
        assert run_training(manifest, tmp_path, "run", SETTINGS, as_json=False) == 130
    told = " ".join(capsys.readouterr().out.split())
    assert told.startswith("stopped at step 1 of 2; run the same command again")
    assert run_training(manifest, tmp_path, "run", SETTINGS, as_json=False) == 0
    assert "2 steps (of which 1 were done before) on cpu" in " ".join(capsys.readouterr().out.split())
