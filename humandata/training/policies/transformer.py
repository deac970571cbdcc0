"""Transformer blocks that a condition (the flow's time, the embodiment) steers."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def time_features(time: Tensor, num_features: int) -> Tensor:
    """Sines and cosines (B, num_features) of times (B,) in [0, 1], at wavelengths from 4 down to 0.01."""
    frequencies = torch.logspace(math.log10(0.25), 2.0, num_features // 2, device=time.device)
    angle = 2.0 * math.pi * frequencies * time[:, None]
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


class ConditionedBlock(nn.Module):
    """Self-attention and a feed-forward layer, each scaled, shifted and gated by the condition.

    AdaLN-zero of Peebles & Xie, "Scalable Diffusion Models with Transformers", ICCV 2023: the gates start at zero, so
    a new block is the identity.
    """

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.modulation = nn.Linear(width, 6 * width)
        self.attention_norm = nn.LayerNorm(width, elementwise_affine=False)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.feed_forward_norm = nn.LayerNorm(width, elementwise_affine=False)
        self.feed_forward = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, tokens: Tensor, condition: Tensor) -> Tensor:
        """Tokens (B, N, width) under a condition (B, width)."""
        scale_a, shift_a, gate_a, scale_f, shift_f, gate_f = self.modulation(F.silu(condition))[:, None].chunk(
            6, dim=-1
        )
        tokens = tokens + gate_a * self._attend(self.attention_norm(tokens) * (1.0 + scale_a) + shift_a)
        out: Tensor = tokens + gate_f * self.feed_forward(self.feed_forward_norm(tokens) * (1.0 + scale_f) + shift_f)
        return out

    def _attend(self, tokens: Tensor) -> Tensor:
        query, key, value = self.query_key_value(tokens).unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(query, key, value)
        out: Tensor = self.attention_out(attended.transpose(1, 2).flatten(2))
        return out
