"""Training can stop anywhere and go on as if it had not, and it follows its schedule."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from reaching import SPEC, reaching_batch

from humandata.errors import DatasetError
from humandata.training.checkpoint import CheckpointRecord, read_checkpoint, write_checkpoint
from humandata.training.settings import make_settings
from humandata.training.trainer import Trainer, learning_rate

torch.set_num_threads(1)  # networks this small only wait for each other's threads, for minutes on a busy machine
CPU = torch.device("cpu")
SETTINGS = make_settings({"steps": 4, "warmup_steps": 1})


def train_steps(trainer: Trainer, num_steps: int) -> list[float]:
    return [trainer.train_step(reaching_batch(4, seed=trainer.step)) for _ in range(num_steps)]


def test_two_steps_and_two_more_are_four(tmp_path: Path) -> None:
    straight = Trainer(SPEC, SETTINGS, CPU)
    losses = train_steps(straight, 4)

    first = Trainer(SPEC, SETTINGS, CPU)
    train_steps(first, 2)
    path = tmp_path / "checkpoint.safetensors"
    write_checkpoint(path, CheckpointRecord(manifest_sha256="0" * 64, step=2, samples_consumed=8), first.state_dict())
    torch.manual_seed(99)  # a resumed process has another history
    record, tensors = read_checkpoint(path)
    second = Trainer(SPEC, SETTINGS, CPU)
    second.load_state_dict(tensors, record.step)

    assert train_steps(second, 2) == losses[2:]
    resumed, expected = second.state_dict(), straight.state_dict()
    assert resumed.keys() == expected.keys()
    assert all(torch.equal(resumed[name], tensor) for name, tensor in expected.items())


def test_another_seed_trains_another_policy() -> None:
    other = make_settings({"steps": 4, "warmup_steps": 1, "seed": 1})
    assert train_steps(Trainer(SPEC, SETTINGS, CPU), 1) != train_steps(Trainer(SPEC, other, CPU), 1)


def test_a_trainer_leaves_the_random_numbers_of_its_surroundings_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    train_steps(Trainer(SPEC, SETTINGS, CPU), 1)
    assert torch.equal(torch.rand(2), expected)


def test_the_averaged_policy_lags_behind() -> None:
    trainer = Trainer(SPEC, make_settings({"steps": 9, "average_decay": 0.0}), CPU)
    train_steps(trainer, 2)
    average = trainer.averaged_policy().state_dict()
    assert all(torch.equal(average[name], tensor) for name, tensor in trainer.policy.state_dict().items())
    trainer = Trainer(SPEC, make_settings({"steps": 9, "average_decay": 0.9}), CPU)
    train_steps(trainer, 2)
    average = trainer.averaged_policy().state_dict()
    assert not all(torch.equal(average[name], tensor) for name, tensor in trainer.policy.state_dict().items())


def test_the_rate_rises_then_falls_to_nearly_nothing() -> None:
    settings = make_settings({"steps": 100, "warmup_steps": 10, "learning_rate": 0.01})
    rates = [learning_rate(settings, step) for step in range(100)]
    assert rates[:3] == pytest.approx([0.001, 0.002, 0.003])
    assert max(rates) == pytest.approx(0.01)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0.0 < rates[-1] < 1e-5


def test_a_checkpoint_cut_short_is_named(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    write_checkpoint(
        path, CheckpointRecord(manifest_sha256="0" * 64, step=0, samples_consumed=0), {"policy.a": torch.zeros(100)}
    )
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DatasetError, match=r"checkpoint\.safetensors: not a whole"):
        read_checkpoint(path)


def test_a_checkpoint_of_another_policy_is_refused() -> None:
    with pytest.raises(DatasetError, match="do not fit the policy 'flow_matching'"):
        Trainer(SPEC, SETTINGS, CPU).load_state_dict({"policy.a": torch.zeros(1)}, 1)
