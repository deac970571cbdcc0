"""An image as a few tokens: where in the image the things are that the task speaks of."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WORKING_SIZE_PX = 96
"""Larger images are shrunk to this side: a keypoint is found to a fraction of a pixel all the same."""


def shrink(image: Tensor) -> Tensor:
    """Images (B, 3, s, s) float in 0..255, at most WORKING_SIZE_PX a side, of images (B, 3, S, S) uint8."""
    if image.shape[-1] > WORKING_SIZE_PX:
        pixels = image if image.device.type == "cpu" else image.float()  # bytes are shrunk ten times faster on a CPU
        image = F.interpolate(pixels, size=(WORKING_SIZE_PX, WORKING_SIZE_PX), mode="bilinear", antialias=True)
    return image.float()


class SpatialSoftmax(nn.Module):
    """Expected image coordinates in [-1, 1], x right and y down, under the softmax of each heat map.

    Levine et al., "End-to-End Training of Deep Visuomotor Policies", JMLR 2016.
    """

    def forward(self, heatmaps: Tensor) -> Tensor:
        """Coordinates (B, K, 2) of heat maps (B, K, h, w)."""
        height, width = heatmaps.shape[-2:]
        weights = heatmaps.float().flatten(2).softmax(dim=-1).view(heatmaps.shape)
        x = torch.linspace(-1.0, 1.0, width, device=heatmaps.device)
        y = torch.linspace(-1.0, 1.0, height, device=heatmaps.device)
        return torch.stack([(weights.sum(dim=-2) * x).sum(dim=-1), (weights.sum(dim=-1) * y).sum(dim=-1)], dim=-1)


class VisionEncoder(nn.Module):
    """A convolutional network modulated by the task, read out as keypoints and as mean features.

    The task scales and shifts the features before the heat maps are drawn (FiLM, Perez et al., AAAI 2018), so that a
    keypoint can be "the block that is spoken of".
    """

    def __init__(self, width: int, channels: tuple[int, int], num_keypoints: int) -> None:
        super().__init__()
        first, second = channels
        self.features = nn.Sequential(
            nn.Conv2d(3, first, 4, stride=4),
            nn.GroupNorm(4, first),
            nn.SiLU(),
            nn.Conv2d(first, second, 3, stride=2, padding=1),
            nn.GroupNorm(4, second),
        )
        self.modulation = nn.Linear(width, 2 * second)
        self.mix = nn.Sequential(nn.SiLU(), nn.Conv2d(second, second, 3, padding=1), nn.SiLU())
        self.heatmaps = nn.Conv2d(second, num_keypoints, 1)
        self.keypoints = SpatialSoftmax()
        self.from_keypoints = nn.Linear(2 * num_keypoints, width)
        self.from_mean = nn.Linear(second, width)

    def forward(self, image: Tensor, task: Tensor) -> Tensor:
        """Tokens (B, 2, width) of images (B, 3, s, s) float in 0..255 and tasks (B, width)."""
        features = self.features(image / 127.5 - 1.0)
        scale, shift = self.modulation(task)[..., None, None].chunk(2, dim=1)
        features = self.mix(features * (1.0 + scale) + shift)
        keypoints = self.keypoints(self.heatmaps(features)).flatten(1)
        return torch.stack([self.from_keypoints(keypoints), self.from_mean(features.mean(dim=(-2, -1)))], dim=1)
