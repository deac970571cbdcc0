"""Chunks as a policy predicts them: along the axes of the view, with holding still at zero.

A mixture's chunks are relative to the end effector now, along its own axes. Along those of the view (the camera's where
it is known, else the base's: the frame of the state) a motion looks the same however the end effector is turned, as it
does in the image, and a wrongly measured orientation does not turn it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from humandata.actions import ACTION_LAYOUT, STATE_LAYOUT
from humandata.mixtures.batch import Batch
from humandata.mixtures.normalization import Normalizer
from humandata.schemas.landmarks import SIDES


@dataclass(frozen=True)
class ChunkCodec:
    """Between chunks (B, H, 26) in raw units (m, rot6d, opening, rad) and what a policy predicts, laid out alike.

    Position and rotation have one scale each, the same in all directions: how far the embodiment's quantiles lie from
    holding still, as a root mean square over dimensions. Gripper, head and base are normalised as `Normalizer` does. An
    arm of unknown orientation keeps its own axes.
    """

    normalizer: Normalizer

    def encode(self, batch: Batch) -> Tensor:
        """The batch's actions; any number where masked."""
        encoded = self.normalizer.normalize_action(batch.action, batch.embodiment_index)
        for side in SIDES:
            R_view_ee = _orientation(batch, side)
            part = ACTION_LAYOUT[f"{side}_position"]
            position = batch.action[..., part] @ R_view_ee.mT
            encoded[..., part] = position / self._scale(batch, part, torch.zeros(3))
            part = ACTION_LAYOUT[f"{side}_rot6d"]
            R = R_view_ee[:, None] @ _matrix(batch.action[..., part]) @ R_view_ee.mT[:, None]
            encoded[..., part] = (_rot6d(R) - _HELD) / self._scale(batch, part, _HELD)
        return encoded

    def decode(self, encoded: Tensor, batch: Batch) -> Tensor:
        """The inverse of `encode`. Of `batch`, the actions are not looked at."""
        action = self.normalizer.denormalize_action(encoded, batch.embodiment_index)
        for side in SIDES:
            R_view_ee = _orientation(batch, side)
            part = ACTION_LAYOUT[f"{side}_position"]
            action[..., part] = encoded[..., part] * self._scale(batch, part, torch.zeros(3)) @ R_view_ee
            part = ACTION_LAYOUT[f"{side}_rot6d"]
            R = _matrix(encoded[..., part] * self._scale(batch, part, _HELD) + _HELD)
            action[..., part] = _rot6d(R_view_ee.mT[:, None] @ R @ R_view_ee[:, None])
        return action

    def _scale(self, batch: Batch, part: slice, held: Tensor) -> Tensor:
        """How far from `held` (D,) the quantiles of that part lie, as a root mean square, (B, 1, 1)."""
        middle, half = self.normalizer.action_middle[:, part], self.normalizer.action_half[:, part]
        return ((middle - held) ** 2 + half**2).mean(dim=1).sqrt()[batch.embodiment_index, None, None]


_HELD = torch.tensor([1.0, 0.0, 0.0, 0.0, 1.0, 0.0])
"""The rot6d of no rotation."""


def _orientation(batch: Batch, side: str) -> Tensor:
    """R_view_ee (B, 3, 3) of an arm, the identity where the state does not know it."""
    part = STATE_LAYOUT[f"{side}_rot6d"]
    known = batch.state_mask[:, part].all(dim=1, keepdim=True)
    return _matrix(torch.where(known, batch.state[:, part], _HELD))


def _matrix(rot6d: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) of their first two columns (..., 6), made orthonormal by Gram and Schmidt."""
    x = F.normalize(rot6d[..., :3], dim=-1)
    y = F.normalize(rot6d[..., 3:] - (rot6d[..., 3:] * x).sum(dim=-1, keepdim=True) * x, dim=-1)
    return torch.stack([x, y, torch.linalg.cross(x, y)], dim=-1)


def _rot6d(R: Tensor) -> Tensor:
    """The first two columns (..., 6) of matrices (..., 3, 3)."""
    return R[..., :2].mT.flatten(-2)
