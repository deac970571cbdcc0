"""Which step is sample number g: a pure function of the manifest, the seed and g, in constant memory.

Groups share the samples exactly, on a schedule (`schedule`) where there is a curriculum, and sources the samples of
their group (`apportion`). The m-th sample of a source of n eligible steps is in its pass m // n, at position m % n of a
permutation keyed by manifest, seed, source and pass: no step comes twice within a pass. Nothing depends on how many
processes draw, so any of them can begin at any g.
"""

from __future__ import annotations

import hashlib
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from humandata.arrays import IntArray
from humandata.mixtures.apportion import Apportionment, apportion
from humandata.mixtures.permutation import mix, permute
from humandata.mixtures.schedule import ScheduledApportionment
from humandata.mixtures.shares import group_schedule, group_shares, source_weights
from humandata.schemas.mixture import Mixture


class MixtureSampler:
    """Draws of a mixture. `seed` may differ from the manifest's for another order of the same mixture."""

    def __init__(self, mixture: Mixture, seed: int | None = None) -> None:
        self.manifest_sha256 = mixture.manifest_sha256
        seed = mixture.seed if seed is None else seed
        groups, self._groups = _share_between_groups(mixture)
        weights = source_weights(mixture)
        self._sources = [
            apportion(
                [
                    weight if source.group == group else Fraction(0)
                    for source, weight in zip(mixture.sources, weights, strict=True)
                ]
            )
            for group in groups
        ]
        self._num_steps = np.array([source.training.num_steps for source in mixture.sources], dtype=np.int64)
        self._keys = np.array(
            [_source_key(self.manifest_sha256, seed, source.name) for source in mixture.sources], dtype=np.uint64
        )

    def samples(self, g: ArrayLike) -> tuple[IntArray, IntArray]:
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


def rank_samples(batch_start: int, batch_size: int, rank: int, world_size: int) -> IntArray:
    """The sample numbers of one rank in the global batch that begins at `batch_start`: a contiguous share of it.

    The shares of all ranks make up the batch, whether or not it divides by their number; a share may be empty.
    Contiguous shares hold every group in about its ratio, which strided ones would not.
    """
    start, stop = rank * batch_size // world_size, (rank + 1) * batch_size // world_size
    return np.arange(batch_start + start, batch_start + stop, dtype=np.int64)


def _share_between_groups(mixture: Mixture) -> tuple[list[str], Apportionment | ScheduledApportionment]:
    """The groups that are drawn from, and the apportionment of samples to them in this order."""
    if mixture.curriculum is None:
        shares = group_shares(mixture, mixture.groups)
        return list(shares), apportion(list(shares.values()))
    others = group_shares(mixture, mixture.curriculum.others)
    scheduled = ScheduledApportionment(group_schedule(mixture, mixture.curriculum), apportion(list(others.values())))
    return [mixture.curriculum.group, *others], scheduled


def _source_key(manifest_sha256: str, seed: int, source: str) -> int:
    digest = hashlib.sha256(f"{manifest_sha256}/{seed}/{source}".encode()).digest()
    return int.from_bytes(digest[:8], "big")
