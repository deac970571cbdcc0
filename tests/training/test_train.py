"""`train` from a manifest to an evaluated policy: stopped, resumed, rerun, refused."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from patience import wait_until
from typer.testing import CliRunner

from humandata.cli import app
from humandata.errors import DatasetError, UsageError
from humandata.mixtures.loader import held_out_batches
from humandata.mixtures.mix import mix
from humandata.mixtures.options import MixOptions
from humandata.schemas.mixture import ActionSpace
from humandata.training.checkpoint import CheckpointRecord, read_checkpoint, read_weights, write_checkpoint
from humandata.training.runs import RunFolder
from humandata.training.settings import TrainSettings, make_settings
from humandata.training.train import train
from humandata.training.trained import load_policy
from humandata.training.trainer import Trainer

ROOT = Path(__file__).parents[2]


def settings(**values: object) -> TrainSettings:
    return make_settings({"steps": 4, "device": "cpu", "workers": 0, **values})


@pytest.fixture
def manifest(shards: Path, tmp_path: Path) -> Path:
    path = tmp_path / "mixture.json"
    mix([shards], path, MixOptions(batch_size=4, action_space=ActionSpace(horizon=6), image_size_px=32))
    return path


def test_a_run_ends_with_a_policy_and_its_errors_and_is_not_run_again(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs" / "first"
    summary = train(manifest, out, settings())
    assert summary.status == "finished"
    assert summary.step == 4
    assert summary.evaluation is not None
    assert list(summary.evaluation.embodiments) == ["franka_panda", "human_hands"]
    assert len(RunFolder(out).metrics.read_text().splitlines()) == 4

    before = {path: path.read_bytes() for path in out.iterdir()}
    again = train(manifest, out, settings())
    assert again.status == "already finished"
    assert again.evaluation == summary.evaluation
    assert {path: path.read_bytes() for path in out.iterdir()} == before


def test_ctrl_c_leaves_a_checkpoint_that_goes_on_bit_for_bit(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(manifest, tmp_path / "straight", settings())
    learn = Trainer.train_step

    def learn_and_press_ctrl_c(trainer: Trainer, batch: object) -> float:
        if trainer.step == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return learn(trainer, batch)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "train_step", learn_and_press_ctrl_c)
    out = tmp_path / "stopped"
    stopped = train(manifest, out, settings())
    assert (stopped.status, stopped.step, stopped.evaluation) == ("interrupted", 2, None)
    monkeypatch.undo()
    resumed = train(manifest, out, settings(workers=1))
    assert (resumed.status, resumed.resumed_from) == ("finished", 2)

    straight = RunFolder(tmp_path / "straight")
    for path in ("checkpoint.safetensors", "policy.safetensors", "evaluation.json"):
        assert (out / path).read_bytes() == (straight.path / path).read_bytes(), path
    record, _ = read_checkpoint(straight.checkpoint)
    assert (record.step, record.samples_consumed) == (4, 16)


def test_a_trained_policy_predicts_without_the_mixture(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train(manifest, out, settings())
    batch = next(held_out_batches(manifest))
    manifest.unlink()
    trained = load_policy(out, "cpu")
    chunks = trained.predict(batch, seed=3)
    assert chunks.shape == batch.action.shape
    assert torch.equal(chunks, trained.predict(batch, seed=3))
    assert (chunks[~batch.action_mask.any(dim=1)[:, None].expand(chunks.shape)] == 0).all()
    assert all(torch.isfinite(tensor).all() for tensor in read_weights(RunFolder(out).weights).values())


def test_what_does_not_belong_to_a_run_is_refused(manifest: Path, shards: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train(manifest, out, settings())
    with pytest.raises(UsageError, match=r"other settings \(steps was 4, now 5\)"):
        train(manifest, out, settings(steps=5))
    other = tmp_path / "other.json"
    mix([shards], other, MixOptions(batch_size=5))
    with pytest.raises(UsageError, match="another mixture"):
        train(other, out, settings())


def test_what_is_missing_is_named(manifest: Path, shards: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="humandata mix"):
        train(tmp_path / "none.json", tmp_path / "run", settings())
    with pytest.raises(DatasetError, match="no trained policy"):
        load_policy(tmp_path / "run")
    (shards / "robot").rename(shards / "moved")
    with pytest.raises(DatasetError, match="'robot' of the mixture is gone"):
        train(manifest, tmp_path / "run", settings())
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="--device cpu"):
            train(manifest, tmp_path / "run", settings(device="cuda"))


def test_a_thread_that_cannot_catch_signals_trains_all_the_same(manifest: Path, tmp_path: Path) -> None:
    thread = threading.Thread(target=train, args=(manifest, tmp_path / "run", settings(steps=1)))
    thread.start()
    thread.join()
    assert RunFolder(tmp_path / "run").evaluation.exists()


def test_ctrl_c_in_a_terminal_reaches_the_workers_too_and_harms_nothing(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    code = (
        "from pathlib import Path; from humandata.training.settings import make_settings; "
        "from humandata.training.train import train; "
        f"made = make_settings({{'steps': 100000, 'device': 'cpu', 'workers': 1}}); "
        f"print(train(Path({str(manifest)!r}), Path({str(out)!r}), made).status)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )
    wait_until(lambda: process.poll() is not None or _num_lines(RunFolder(out).metrics))
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=120)
    assert said.strip() == "interrupted"
    record, _ = read_checkpoint(RunFolder(out).checkpoint)
    assert record.step == _num_lines(RunFolder(out).metrics)


def test_a_killed_command_run_again_ends_with_the_policy_of_an_undisturbed_one(manifest: Path, tmp_path: Path) -> None:
    steps, killed_at = 8, 4
    train(manifest, tmp_path / "straight", settings(steps=steps, checkpoint_every=1))
    command = ["train", str(manifest), "--out", str(tmp_path), "--name", "killed", "--steps", str(steps), "--json"]
    command += ["--device", "cpu", "--set", "workers=1", "--set", "checkpoint_every=1"]
    job = multiprocessing.get_context("spawn").Process(target=_die_while_saving, args=(killed_at, command))
    job.start()
    job.join()
    assert job.exitcode == -signal.SIGKILL
    killed, straight = RunFolder(tmp_path / "killed"), RunFolder(tmp_path / "straight")
    assert _num_lines(killed.metrics) == killed_at
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["resumed_from"] == killed_at - 1
    for name in ("checkpoint.safetensors", "policy.safetensors", "evaluation.json"):
        assert (killed.path / name).read_bytes() == (straight.path / name).read_bytes(), name
    assert _num_lines(killed.metrics) == steps


def _die_while_saving(step: int, command: list[str]) -> None:
    """Run a command in this process, which is killed when the checkpoint of a step is written and not yet renamed."""
    patched = pytest.MonkeyPatch()

    def save_or_die(path: Path, record: CheckpointRecord, tensors: dict[str, torch.Tensor]) -> None:
        if record.step == step:
            patched.setattr(Path, "replace", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        write_checkpoint(path, record, tensors)

    patched.setattr("humandata.training.train.write_checkpoint", save_or_die)
    CliRunner().invoke(app, command)


def _num_lines(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0
