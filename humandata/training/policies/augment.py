"""Small changes of an image that leave its meaning as it is, against overfitting to few scenes."""

from __future__ import annotations

import torch
from torch import Tensor

MAX_SHIFT = 0.03
"""Of the image's side: the state is not shifted with the image, so it must stay near the noise of hand tracking."""
MAX_BRIGHTNESS = 25.0
MAX_CONTRAST = 0.2


def augment(image: Tensor, generator: torch.Generator) -> Tensor:
    """Images (B, 3, h, w) float in 0..255, each shifted, brightened and stretched in contrast by its own amounts."""
    batch, _, height, width = image.shape
    reach = round(MAX_SHIFT * width)
    shift = torch.randint(-reach, reach + 1, (2, batch, 1), generator=generator)
    gain = 1.0 + MAX_CONTRAST * (2.0 * torch.rand(batch, 1, 1, 1, generator=generator) - 1.0)
    bias = MAX_BRIGHTNESS * (2.0 * torch.rand(batch, 1, 1, 1, generator=generator) - 1.0)
    rows = (torch.arange(height) + shift[0]).clamp(0, height - 1).to(image.device)
    columns = (torch.arange(width) + shift[1]).clamp(0, width - 1).to(image.device)
    samples = torch.arange(batch, device=image.device)[:, None, None, None]
    channels = torch.arange(3, device=image.device)[:, None, None]
    shifted = image[samples, channels, rows[:, None, :, None], columns[:, None, None, :]]
    return ((shifted - 127.5) * gain.to(image.device) + 127.5 + bias.to(image.device)).clamp(0.0, 255.0)
