"""Which step is sample number g: a pure function of the manifest, the seed and g, in constant memory.

Groups share the samples exactly, and sources the samples of their group (`apportion`). The m-th sample of a source of
n eligible steps is in its pass m // n, at position m % n of a permutation keyed by manifest, seed, source and pass: no
step comes twice within a pass. Nothing depends on how many processes draw, so any of them can begin at any g.
"""

from __future__ import annotations

import hashlib
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from humandata.mixtures.apportion import apportion
from humandata.mixtures.permutation import mix, permute
from humandata.schemas.mixture import Mixture

IndexArray = NDArray[np.int64]


class MixtureSampler:
    """Draws of a mixture. `seed` may differ from the manifest's for another order of the same mixture."""

    def __init__(self, mixture: Mixture, seed: int | None = None) -> None:
        self.manifest_sha256 = mixture.manifest_sha256
        seed = mixture.seed if seed is None else seed
        groups = [group for group, ratio in sorted(mixture.groups.items()) if ratio > 0]
        self._groups = apportion([exact(mixture.groups[group]) for group in groups])
        self._sources = [
            apportion(
                [exact(s.weight) if s.group == group and s.training.num_steps else Fraction(0) for s in mixture.sources]
            )
            for group in groups
        ]
        self._num_steps = np.array([source.training.num_steps for source in mixture.sources], dtype=np.int64)
        self._keys = np.array(
            [_source_key(self.manifest_sha256, seed, source.name) for source in mixture.sources], dtype=np.uint64
        )

    def samples(self, g: ArrayLike) -> tuple[IndexArray, IndexArray]:
        """The source (N,) of samples g (N,), an index into the manifest's, and which of its eligible steps (N,)."""
        group, turn = self._groups.locate(np.asarray(g, dtype=np.int64))
        source = np.zeros(len(group), dtype=np.int64)
        for index, sources in enumerate(self._sources):
            member = np.flatnonzero(group == index)
            source[member], turn[member] = sources.locate(turn[member])
        sizes = self._num_steps[source]
        passes, positions = np.divmod(turn, np.maximum(sizes, 1))
        keys = mix(self._keys[source] ^ mix(passes.astype(np.uint64)))
        steps = permute(positions.astype(np.uint64), sizes.astype(np.uint64), keys)
        return source, steps.astype(np.int64)


def rank_samples(batch_start: int, batch_size: int, rank: int, world_size: int) -> IndexArray:
    """The sample numbers of one rank in the global batch that begins at `batch_start`: a contiguous share of it.

    The shares of all ranks make up the batch, whether or not it divides by their number; a share may be empty.
    Contiguous shares hold every group in about its ratio, which strided ones would not.
    """
    start, stop = rank * batch_size // world_size, (rank + 1) * batch_size // world_size
    return np.arange(batch_start + start, batch_start + stop, dtype=np.int64)


def source_shares(mixture: Mixture) -> list[float]:
    """The share of the samples that each source of the manifest gets."""
    weights = [exact(source.weight) if source.training.num_steps else Fraction(0) for source in mixture.sources]
    totals: dict[str, Fraction] = {}
    for source, weight in zip(mixture.sources, weights, strict=True):
        totals[source.group] = totals.get(source.group, Fraction(0)) + weight
    return [
        float(exact(mixture.groups[source.group]) * weight / totals[source.group]) if weight else 0.0
        for source, weight in zip(mixture.sources, weights, strict=True)
    ]


def exact(number: float) -> Fraction:
    """The fraction a person means by a decimal: 0.8 is 4/5, not its nearest binary number."""
    return Fraction(repr(number))


def _source_key(manifest_sha256: str, seed: int, source: str) -> int:
    digest = hashlib.sha256(f"{manifest_sha256}/{seed}/{source}".encode()).digest()
    return int.from_bytes(digest[:8], "big")
