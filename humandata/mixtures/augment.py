"""Small changes of images that leave their meaning as it is, against overfitting to few scenes.

Every picture of a sample, of all its cameras and of its history, is changed alike. On whatever device it lies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from humandata.mixtures.permutation import mix

_GREY = (0.299, 0.587, 0.114)
"""Of red, green and blue in brightness: ITU-R BT.601."""


@dataclass(frozen=True)
class Changes:
    """What is done to the pictures of each of B samples."""

    shift_px: Tensor
    """(2, B) int64 down and to the right; what moves in at an edge repeats it."""
    gain: Tensor
    """(B,) of contrast about the middle grey."""
    bias: Tensor
    """(B,) of brightness, in 0..255."""
    saturation: Tensor
    """(B,) 1 leaves colours as they are, 0 is grey."""

    def apply(self, image: Tensor) -> Tensor:
        """Pictures (B, ..., 3, h, w) in 0..255, changed, as float."""
        batch, (height, width) = len(image), image.shape[-2:]
        flat = image.reshape(batch, -1, height, width)
        rows = (torch.arange(height) + self.shift_px[0][:, None]).clamp(0, height - 1).to(image.device)
        columns = (torch.arange(width) + self.shift_px[1][:, None]).clamp(0, width - 1).to(image.device)
        samples = torch.arange(batch, device=image.device)[:, None, None, None]
        planes = torch.arange(flat.shape[1], device=image.device)[:, None, None]
        shifted = flat[samples, planes, rows[:, None, :, None], columns[:, None, None, :]].float().reshape(image.shape)
        gain, bias, saturation = (
            amount.to(image.device).reshape(-1, *[1] * (image.ndim - 1))
            for amount in (self.gain, self.bias, self.saturation)
        )
        if (self.saturation != 1.0).any():
            weights = torch.tensor(_GREY, device=image.device).view(3, 1, 1)
            grey = (shifted * weights).sum(dim=-3, keepdim=True)
            shifted = torch.lerp(grey.expand_as(shifted), shifted, saturation.expand_as(shifted))
        return ((shifted - 127.5) * gain + 127.5 + bias).clamp(0.0, 255.0)


@dataclass(frozen=True)
class Augmentation:
    """How far pictures are changed at most."""

    shift: float = 0.03
    """Of the image's side: the state is not shifted with the image, so it must stay near the noise of hand tracking."""
    brightness: float = 25.0
    contrast: float = 0.2
    saturation: float = 0.2

    def draw(self, num: int, side_px: int, generator: torch.Generator) -> Changes:
        """Changes of `num` samples by a generator on the CPU."""
        reach = round(self.shift * side_px)
        shift_px = torch.randint(-reach, reach + 1, (2, num), generator=generator)
        gain, bias = (2.0 * torch.rand(num, generator=generator) - 1.0 for _ in range(2))
        saturation = 2.0 * torch.rand(num, generator=generator) - 1.0 if self.saturation else torch.zeros(num)
        return self._changes(shift_px, gain, bias, saturation)

    def of_samples(self, sample: Tensor, side_px: int, seed: int = 0) -> Changes:
        """Changes of samples by their numbers (B,): the same after a resumption and on any number of ranks."""
        reach = round(self.shift * side_px)
        keys = mix(sample.cpu().numpy().astype(np.uint64) ^ mix(np.array([seed], dtype=np.uint64)))
        uniform = torch.from_numpy(np.stack([mix(keys + np.uint64(n)) >> np.uint64(11) for n in range(5)]) * 2.0**-53)
        shift_px = (uniform[:2] * (2 * reach + 1)).floor().long() - reach
        return self._changes(shift_px, *(2.0 * uniform[2:].float() - 1.0))

    def _changes(self, shift_px: Tensor, gain: Tensor, bias: Tensor, saturation: Tensor) -> Changes:
        return Changes(shift_px, 1.0 + self.contrast * gain, self.brightness * bias, 1.0 + self.saturation * saturation)
