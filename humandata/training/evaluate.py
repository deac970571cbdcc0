"""How far predicted chunks are from what was done, beside an end effector that holds still."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from pydantic import NonNegativeFloat, PositiveInt

from humandata.actions import ACTION_LAYOUT
from humandata.arrays import BoolArray, Float32Array, FloatArray
from humandata.geometry.rotations import angle_between, matrix_from_rot6d
from humandata.mixtures.batch import Batch
from humandata.schemas.documents import Document
from humandata.schemas.landmarks import SIDES
from humandata.training.trained import TrainedPolicy


class ChunkError(Document):
    """Errors of the end effectors' poses: means over chunks and arms, rotation only where the truth has it."""

    position_cm: NonNegativeFloat
    """Over all known steps of a chunk."""
    final_position_cm: NonNegativeFloat
    """At the last known step of each chunk."""
    rotation_deg: NonNegativeFloat | None
    final_rotation_deg: NonNegativeFloat | None


class EmbodimentEvaluation(Document):
    """One embodiment's held-out error."""

    num_chunks: PositiveInt
    policy: ChunkError
    still: ChunkError
    """Of an end effector that stays where it is when the chunk begins."""


class Evaluation(Document):
    """`evaluation.json`: by embodiment, on steps of episodes that training never saw."""

    step: int
    """Training steps of the policy."""
    embodiments: dict[str, EmbodimentEvaluation]


def evaluate(trained: TrainedPolicy, batches: Iterable[Batch], step: int) -> Evaluation:
    """Sample a chunk for every sample of `batches` and compare it with the truth."""
    embodiments: dict[str, tuple[_Errors, _Errors]] = {}
    for number, batch in enumerate(batches):
        truth, mask = batch.action.numpy(), batch.action_mask.numpy()
        predicted = trained.predict(batch, seed=number).numpy()
        names = np.array(batch.embodiment)
        for name in sorted(set(batch.embodiment)):
            rows = names == name
            policy, still = embodiments.setdefault(name, (_Errors(), _Errors()))
            policy.add(predicted[rows], truth[rows], mask[rows])
            still.add(_holding_still(truth[rows]), truth[rows], mask[rows])
    return Evaluation(
        step=step,
        embodiments={
            name: EmbodimentEvaluation(num_chunks=policy.num_chunks, policy=policy.mean(), still=still.mean())
            for name, (policy, still) in sorted(embodiments.items())
            if policy.num_chunks
        },
    )


@dataclass
class _Errors:
    """Errors gathered so far, an array a batch and arm; `final` holds those of each chunk's last known step."""

    position_m: list[FloatArray] = field(default_factory=list)
    final_position_m: list[FloatArray] = field(default_factory=list)
    rotation_rad: list[FloatArray] = field(default_factory=list)
    final_rotation_rad: list[FloatArray] = field(default_factory=list)

    def add(self, predicted: Float32Array, truth: Float32Array, mask: BoolArray) -> None:
        """Compare chunks (B, H, 26). Both are relative to the same pose now, so their distance is that in the world."""
        for side in SIDES:
            part = ACTION_LAYOUT[f"{side}_position"]
            distance = np.linalg.norm(predicted[..., part] - truth[..., part], axis=-1).astype(np.float64)
            _gather(distance, np.asarray(mask[..., part].all(axis=-1)), self.position_m, self.final_position_m)
            part = ACTION_LAYOUT[f"{side}_rot6d"]
            known = np.asarray(mask[..., part].all(axis=-1))
            angle = np.zeros(known.shape)
            angle[known] = angle_between(
                matrix_from_rot6d(predicted[..., part][known]), matrix_from_rot6d(truth[..., part][known])
            )
            _gather(angle, known, self.rotation_rad, self.final_rotation_rad)

    @property
    def num_chunks(self) -> int:
        """Chunks of an arm with a known position."""
        return sum(map(len, self.final_position_m))

    def mean(self) -> ChunkError:
        """The means, in the units that people read."""
        has_rotation = any(map(len, self.rotation_rad))
        return ChunkError(
            position_cm=100.0 * float(np.concatenate(self.position_m).mean()),
            final_position_cm=100.0 * float(np.concatenate(self.final_position_m).mean()),
            rotation_deg=float(np.rad2deg(np.concatenate(self.rotation_rad)).mean()) if has_rotation else None,
            final_rotation_deg=float(np.rad2deg(np.concatenate(self.final_rotation_rad)).mean())
            if has_rotation
            else None,
        )


def _gather(errors: FloatArray, known: BoolArray, every: list[FloatArray], final: list[FloatArray]) -> None:
    """Add the known ones of errors (B, H), and those at the last known step of each row that has one."""
    every.append(errors[known])
    rows = np.flatnonzero(known.any(axis=1))
    last = known.shape[1] - 1 - known[rows, ::-1].argmax(axis=1)
    final.append(errors[rows, last])


def _holding_still(truth: Float32Array) -> Float32Array:
    """Chunks of the shape of `truth` whose every target is the pose now."""
    still = np.zeros_like(truth)
    for side in SIDES:
        still[..., ACTION_LAYOUT[f"{side}_rot6d"]] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    return still
