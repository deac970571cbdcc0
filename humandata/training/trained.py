"""A policy with what it needs to speak in metres: normalisation in, normalisation out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from humandata.actions import ACTION_DIM, STATE_DIM
from humandata.errors import DatasetError, UsageError, typed
from humandata.mixtures.batch import Batch
from humandata.mixtures.normalization import Normalizer
from humandata.schemas.mixture import Mixture, read_mixture
from humandata.training.checkpoint import read_weights
from humandata.training.chunk_codec import ChunkCodec
from humandata.training.policies import get_policy
from humandata.training.policy import Observation, Policy, PolicySpec, TrainingBatch
from humandata.training.runs import RunFolder


def policy_spec(mixture: Mixture) -> PolicySpec:
    """The sizes of a policy for this mixture."""
    return PolicySpec(
        horizon=mixture.action_space.horizon,
        action_dim=ACTION_DIM,
        state_dim=STATE_DIM,
        num_embodiments=len(mixture.embodiments),
        image_size_px=mixture.image_size_px,
    )


def choose_device(name: str) -> torch.device:
    """The device of that name; `auto` is the GPU where there is one. UsageError where there is none to be had."""
    if name == "cuda" and not torch.cuda.is_available():
        raise UsageError("no CUDA device is visible to PyTorch: use --device cpu, or auto.")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def observe(batch: Batch, normalizer: Normalizer) -> Observation:
    """What a policy sees of a batch of a mixture."""
    return Observation(
        image=batch.image,
        text=tuple(batch.text),
        state=normalizer.normalize_state(batch.state, batch.embodiment_index),
        state_mask=batch.state_mask,
        embodiment_index=batch.embodiment_index,
    )


def training_batch(batch: Batch, normalizer: Normalizer) -> TrainingBatch:
    """What a policy learns from a batch of a mixture."""
    return TrainingBatch(observe(batch, normalizer), ChunkCodec(normalizer).encode(batch), batch.action_mask)


@dataclass(frozen=True)
class TrainedPolicy:
    """Predicts chunks in raw units (m, rot6d, opening, rad), laid out as `actions.ACTION_LAYOUT`."""

    policy: Policy
    normalizer: Normalizer
    device: torch.device

    def predict(self, batch: Batch, seed: int = 0) -> Tensor:
        """The expected chunks (B, H, 26) on the CPU, of dimensions that `batch.action_mask` has at any step, else zero.

        The actions of the batch are not looked at. The same batch and seed give the same chunks.
        """
        wanted = batch.action_mask.any(dim=1)
        observation = observe(batch, self.normalizer).to(self.device)
        generator = torch.Generator().manual_seed(seed)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.device.type == "cuda"):
            encoded = self.policy.expect(observation, wanted.to(self.device), generator)
        action = ChunkCodec(self.normalizer).decode(encoded.float().cpu(), batch)
        return torch.where(wanted[:, None], action, 0.0)


def load_policy(run: Path, device: str = "auto") -> TrainedPolicy:
    """The policy of a finished run; DatasetError where there is none.

    It needs nothing but the run's folder: the mixture and its shards may be gone.
    """
    folder = RunFolder(run)
    if not folder.weights.exists():
        raise DatasetError(
            f"{run}: holds no trained policy. Train one with `humandata train --out {typed(run.parent)} "
            f"--name {typed(Path(run.name))}`."
        )
    mixture = read_mixture(folder.mixture)
    policy = get_policy(folder.read_record().settings.policy)(policy_spec(mixture))
    policy.load_state_dict(read_weights(folder.weights))
    chosen = choose_device(device)
    return TrainedPolicy(policy.to(chosen).eval(), Normalizer.of(mixture), chosen)
