"""The command `train`: from a mixture to a policy and its held-out error, in as many sittings as it takes."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from humandata.dataset.files import write_atomically
from humandata.errors import DatasetError
from humandata.mixtures.loader import MixtureLoader, held_out_batches
from humandata.mixtures.normalization import Normalizer
from humandata.progress import ProgressBar
from humandata.schemas.documents import read_document
from humandata.schemas.mixture import read_mixture
from humandata.training.checkpoint import CheckpointRecord, read_checkpoint, write_checkpoint, write_weights
from humandata.training.evaluate import Evaluation, evaluate
from humandata.training.interruption import Interruption
from humandata.training.metrics import MetricsLog
from humandata.training.runs import RunFolder, begin_run
from humandata.training.settings import TrainSettings
from humandata.training.trained import TrainedPolicy, choose_device, policy_spec, training_batch
from humandata.training.trainer import Trainer, learning_rate

HELD_OUT_STRIDE = 5
"""Every fifth held-out step is evaluated: neighbours are nearly the same sample."""

Status = Literal["finished", "already finished", "interrupted"]


@dataclass(frozen=True)
class TrainSummary:
    """How a call of `train` ended."""

    run: Path
    status: Status
    step: int
    """Steps done, in this call and earlier ones."""
    steps: int
    """Steps that make up the run."""
    resumed_from: int
    """Steps that earlier calls had done."""
    loss: float | None
    """Of the last step of this call."""
    seconds: float
    device: str
    evaluation: Evaluation | None


def train(manifest: Path, out: Path, settings: TrainSettings) -> TrainSummary:
    """Train a policy on the mixture of `manifest` in the folder `out`, or go on where an earlier call stopped.

    Ctrl-C stops after the step at hand and leaves a checkpoint. Raises DatasetError where the manifest is missing or a
    shard has changed, and UsageError where `out` holds another run or the settings ask for what is not there.
    """
    started = time.monotonic()
    mixture = read_mixture(manifest)
    device = choose_device(settings.device)
    folder = RunFolder(out)
    begin_run(folder, manifest, mixture, settings)
    if folder.evaluation.exists():
        return _already_finished(folder, settings, device.type)
    if device.type == "cpu":
        # A core is left to the loader's workers: threads that share one wait for each other, ten times slower at worst.
        # However many workers there are, as another number of threads gives other bits and workers may change.
        torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) - 1))
    loader = MixtureLoader(manifest, num_workers=settings.workers)
    normalizer = Normalizer.of(mixture)
    trainer = Trainer(policy_spec(mixture), settings, device)
    if folder.checkpoint.exists():
        record, tensors = read_checkpoint(folder.checkpoint)
        loader.load_state_dict({"manifest_sha256": record.manifest_sha256, "samples_consumed": record.samples_consumed})
        trainer.load_state_dict(tensors, record.step)
    resumed_from = trainer.step
    loss = _run_steps(trainer, loader, normalizer, folder)
    evaluation: Evaluation | None = None
    if trainer.step == settings.steps:
        policy = trainer.averaged_policy()
        write_weights(folder.weights, policy.state_dict())
        trained = TrainedPolicy(policy, normalizer, device)
        evaluation = evaluate(trained, held_out_batches(manifest, HELD_OUT_STRIDE, mixture.batch_size), trainer.step)
        write_atomically(folder.evaluation, evaluation.model_dump_json(indent=2).encode() + b"\n")
    return TrainSummary(
        run=out,
        status="finished" if evaluation else "interrupted",
        step=trainer.step,
        steps=settings.steps,
        resumed_from=resumed_from,
        loss=loss,
        seconds=time.monotonic() - started,
        device=device.type,
        evaluation=evaluation,
    )


def _already_finished(folder: RunFolder, settings: TrainSettings, device: str) -> TrainSummary:
    return TrainSummary(
        run=folder.path,
        status="already finished",
        step=settings.steps,
        steps=settings.steps,
        resumed_from=settings.steps,
        loss=None,
        seconds=0.0,
        device=device,
        evaluation=read_document(Evaluation, folder.evaluation, DatasetError),
    )


def _run_steps(trainer: Trainer, loader: MixtureLoader, normalizer: Normalizer, folder: RunFolder) -> float | None:
    """Train until the last step or an interruption, and leave a checkpoint; returns the last loss."""
    settings = trainer.settings
    loss = None
    left = settings.steps - trainer.step
    if not left:
        return None
    batches = iter(loader)
    title = f"training from step {trainer.step}" if trainer.step else "training"
    with (
        Interruption() as interruption,
        MetricsLog(folder.metrics, trainer.step) as log,
        ProgressBar(title, left, "steps") as progress,
    ):
        while trainer.step < settings.steps and not interruption.requested:
            begun = time.monotonic()
            batch = next(batches)
            rate = learning_rate(settings, trainer.step)
            loss = trainer.train_step(training_batch(batch, normalizer))
            samples_per_s = len(batch.sample) / (time.monotonic() - begun)
            log.write(trainer.step, loss, rate, samples_per_s)
            progress.advance(f"loss {loss:.4f}, {samples_per_s:.0f} samples/s")
            if trainer.step % settings.checkpoint_every == 0:
                _save(trainer, loader, folder)
    _save(trainer, loader, folder)
    return loss


def _save(trainer: Trainer, loader: MixtureLoader, folder: RunFolder) -> None:
    state = loader.state_dict()
    record = CheckpointRecord(
        manifest_sha256=str(state["manifest_sha256"]),
        step=trainer.step,
        samples_consumed=int(state["samples_consumed"]),
    )
    write_checkpoint(folder.checkpoint, record, trainer.state_dict())
