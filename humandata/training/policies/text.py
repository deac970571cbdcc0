"""A task in words as tokens, with no vocabulary to download."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

import torch
from torch import Tensor, nn

PADDING = 0


def hash_words(texts: Sequence[str], num_buckets: int, max_words: int) -> Tensor:
    """Token ids (B, max_words) int64 in [0, num_buckets): CRC-32 of each lower-case word, 0 past the last word.

    CRC-32 rather than `hash()`, which differs from one process to the next.
    """
    ids = torch.full((len(texts), max_words), PADDING, dtype=torch.int64)
    for row, text in enumerate(texts):
        words = re.findall(r"\w+", text.lower())[:max_words]
        hashed = [1 + zlib.crc32(word.encode()) % (num_buckets - 1) for word in words]
        ids[row, : len(hashed)] = torch.tensor(hashed, dtype=torch.int64)
    return ids


class TextEncoder(nn.Module):
    """Hashed words to tokens. Padding is a learned token, so no attention mask is needed."""

    def __init__(self, width: int, num_buckets: int, max_words: int) -> None:
        super().__init__()
        self.num_buckets, self.max_words = num_buckets, max_words
        self.embedding = nn.Embedding(num_buckets, width)
        self.position = nn.Parameter(torch.zeros(max_words, width))
        nn.init.normal_(self.embedding.weight, std=0.5)
        nn.init.normal_(self.position, std=0.1)

    def forward(self, texts: Sequence[str]) -> Tensor:
        """Tokens (B, max_words, width) of B texts."""
        ids = hash_words(texts, self.num_buckets, self.max_words).to(self.position.device)
        tokens: Tensor = self.embedding(ids) + self.position
        return tokens
