"""What a policy is: an observation in, a chunk of actions out. Everything here is normalised and batched."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class PolicySpec:
    """The sizes a mixture asks of a policy."""

    horizon: int
    """H, steps of an action chunk."""
    action_dim: int
    state_dim: int
    num_embodiments: int
    image_size_px: int
    """S, side of the square image."""


@dataclass(frozen=True)
class Observation:
    """What a policy sees at B moments. Embodiments share one policy; each moment says which it is."""

    image: Tensor
    """(B, 3, S, S) uint8, RGB."""
    text: tuple[str, ...]
    """B tasks in words, "" where unknown."""
    state: Tensor
    """(B, state_dim) float32, normalised; any finite number where masked."""
    state_mask: Tensor
    """(B, state_dim) bool, true where known."""
    embodiment_index: Tensor
    """(B,) int64 in [0, num_embodiments)."""

    def to(self, device: torch.device) -> Observation:
        """The same observation on another device."""
        return replace(
            self,
            image=self.image.to(device),
            state=self.state.to(device),
            state_mask=self.state_mask.to(device),
            embodiment_index=self.embodiment_index.to(device),
        )


@dataclass(frozen=True)
class TrainingBatch:
    """Observations and what was done then."""

    observation: Observation
    action: Tensor
    """(B, H, action_dim) float32, normalised; any number where masked."""
    action_mask: Tensor
    """(B, H, action_dim) bool, true where known."""

    def to(self, device: torch.device) -> TrainingBatch:
        """The same batch on another device."""
        return TrainingBatch(self.observation.to(device), self.action.to(device), self.action_mask.to(device))


class Policy(nn.Module, ABC):
    """Base of every policy: built from a `PolicySpec` alone.

    Randomness comes only from the generator that is passed, always on the CPU, so that a seed means the same numbers
    on every device.
    """

    def __init__(self, spec: PolicySpec) -> None:
        super().__init__()
        self.spec = spec

    @abstractmethod
    def loss(self, observation: Observation, action: Tensor, action_mask: Tensor, generator: torch.Generator) -> Tensor:
        """The scalar to minimise over chunks (B, H, action_dim) with a mask of the same shape.

        What is masked, in the action or the state, has no influence on the loss or on its gradient.
        """

    @abstractmethod
    def sample(self, observation: Observation, wanted: Tensor, generator: torch.Generator) -> Tensor:
        """One of the chunks (B, H, action_dim) that the policy thinks possible at each moment.

        Of the dimensions that are `wanted` (B, action_dim) bool, zero in the others.
        """

    @abstractmethod
    def expect(self, observation: Observation, wanted: Tensor, generator: torch.Generator) -> Tensor:
        """Their mean, laid out like a sample: the answer that is least wrong on average."""
