"""Mean, deviation and quantiles of a stream of vectors, from sketches that merge.

Moments are merged as by Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
variances", 1979. Quantiles come from t-digests (Dunning and Ertl, "Computing extremely accurate quantiles using
t-digests", 2019; the `datasketches` package), which are most accurate in the tails, where q01 and q99 lie, and which,
unlike KLL sketches, involve no chance: the same values in the same order give the same quantiles.
"""

from __future__ import annotations

import numpy as np
from datasketches import tdigest_double

from humandata.arrays import BoolArray, FloatArray, IntArray
from humandata.schemas.mixture import Statistics

MIN_RANGE = 1e-3
"""A dimension that hardly changes is not blown up: 1 mm, or 1e-3 of a rotation's column (0.06 degrees), is below what
any source measures."""
COMPRESSION = 500
"""Centroids of a t-digest: up to about this many values its quantiles are those of the values themselves."""
_DIGITS = 6
"""Significant digits that are kept: more would record the noise of summation."""


class VectorSketch:
    """What is remembered of the known entries of vectors of `num_dims` dimensions."""

    def __init__(self, num_dims: int) -> None:
        self._count = np.zeros(num_dims, dtype=np.int64)
        self._mean = np.zeros(num_dims)
        self._squares = np.zeros(num_dims)
        self._digests = [tdigest_double(COMPRESSION) for _ in range(num_dims)]

    def update(self, values: FloatArray, mask: BoolArray) -> None:
        """Add vectors (N, D), of which the entries are known where `mask` (N, D)."""
        count = mask.sum(axis=0)
        mean = np.where(mask, values, 0.0).sum(axis=0) / np.maximum(count, 1)
        squares = np.where(mask, (values - mean) ** 2, 0.0).sum(axis=0)
        self._merge_moments(count, mean, squares)
        for dim in np.flatnonzero(count):
            self._digests[dim].update(np.ascontiguousarray(values[mask[:, dim], dim]))

    def merge(self, other: VectorSketch) -> None:
        """Add what another sketch has seen."""
        self._merge_moments(other._count, other._mean, other._squares)
        for digest, more in zip(self._digests, other._digests, strict=True):
            digest.merge(more)

    def to_bytes(self) -> bytes:
        """The sketch as bytes, which `from_bytes` reads."""
        moments = np.concatenate([self._count.astype(np.float64), self._mean, self._squares])
        digests = [digest.serialize() for digest in self._digests]
        sizes = np.array([len(self._digests), *map(len, digests)], dtype="<i8")
        return b"".join([sizes.tobytes(), moments.astype("<f8").tobytes(), *digests])

    @classmethod
    def from_bytes(cls, content: bytes) -> VectorSketch:
        """The inverse of `to_bytes`."""
        num_dims = int(np.frombuffer(content, "<i8", 1)[0])
        sketch = cls(num_dims)
        sizes = np.frombuffer(content, "<i8", num_dims, offset=8)
        moments = np.frombuffer(content, "<f8", 3 * num_dims, offset=8 * (num_dims + 1)).reshape(3, num_dims)
        sketch._count, sketch._mean, sketch._squares = moments[0].astype(np.int64), moments[1].copy(), moments[2].copy()
        stops = 8 * (4 * num_dims + 1) + np.cumsum(sizes)
        for dim, (size, stop) in enumerate(zip(sizes.tolist(), stops.tolist(), strict=True)):
            sketch._digests[dim] = tdigest_double.deserialize(content[stop - size : stop])
        return sketch

    def quantile(self, rank: float) -> FloatArray:
        """The value (D,) below which a share `rank` of a dimension's values lies; NaN where none is known."""
        return np.array([np.nan if digest.is_empty() else digest.get_quantile(rank) for digest in self._digests])

    def statistics(self) -> Statistics:
        """The figures of each dimension; 0, 1, -1, 1, which change nothing, where no value is known."""
        seen = self._count > 0
        std = np.sqrt(self._squares / np.maximum(self._count, 1))
        return Statistics(
            num_values=tuple(self._count.tolist()),
            mean=_rounded(self._mean),
            std=_rounded(np.where(seen, std, 1.0)),
            q01=_rounded(np.where(seen, self.quantile(0.01), -1.0)),
            q99=_rounded(np.where(seen, self.quantile(0.99), 1.0)),
        )

    def _merge_moments(self, count: IntArray, mean: FloatArray, squares: FloatArray) -> None:
        total = self._count + count
        share = count / np.maximum(total, 1)
        difference = mean - self._mean
        self._squares += squares + difference**2 * self._count * share
        self._mean += difference * share
        self._count = total


def _rounded(values: FloatArray) -> tuple[float, ...]:
    return tuple(float(f"{value:.{_DIGITS}g}") for value in values)
