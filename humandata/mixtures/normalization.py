"""States and actions scaled to [-1, 1] by the quantiles of their embodiment, and back."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from humandata.mixtures.statistics import MIN_RANGE
from humandata.schemas.mixture import Mixture, Statistics


@dataclass(frozen=True)
class Normalizer:
    """Of each embodiment in the manifest's order, the middle and half the width of q01..q99."""

    state_middle: Tensor
    """(E, 20) float32."""
    state_half: Tensor
    action_middle: Tensor
    """(E, 26) float32."""
    action_half: Tensor

    @classmethod
    def of(cls, mixture: Mixture) -> Normalizer:
        """The normaliser that the manifest describes."""
        figures = [mixture.normalization[name] for name in mixture.embodiments]
        state_middle, state_half = _scale([each.state for each in figures])
        action_middle, action_half = _scale([each.action for each in figures])
        return cls(state_middle, state_half, action_middle, action_half)

    def to(self, device: torch.device | str) -> Normalizer:
        """The same normaliser on another device."""
        return Normalizer(*(tensor.to(device) for tensor in vars(self).values()))

    def normalize_state(self, state: Tensor, embodiment_index: Tensor) -> Tensor:
        """States (B, 20) in metres so that q01 is -1 and q99 is 1; outliers are not clipped."""
        return (state - self.state_middle[embodiment_index]) / self.state_half[embodiment_index]

    def denormalize_state(self, state: Tensor, embodiment_index: Tensor) -> Tensor:
        """The inverse of `normalize_state`."""
        return state * self.state_half[embodiment_index] + self.state_middle[embodiment_index]

    def normalize_action(self, action: Tensor, embodiment_index: Tensor) -> Tensor:
        """Chunks (B, H, 26) in metres so that q01 is -1 and q99 is 1; outliers are not clipped."""
        return (action - self.action_middle[embodiment_index, None]) / self.action_half[embodiment_index, None]

    def denormalize_action(self, action: Tensor, embodiment_index: Tensor) -> Tensor:
        """The inverse of `normalize_action`."""
        return action * self.action_half[embodiment_index, None] + self.action_middle[embodiment_index, None]


def _scale(figures: list[Statistics]) -> tuple[Tensor, Tensor]:
    low = torch.tensor([each.q01 for each in figures], dtype=torch.float32)
    high = torch.tensor([each.q99 for each in figures], dtype=torch.float32)
    return (low + high) / 2, (high - low).clamp(min=MIN_RANGE) / 2
