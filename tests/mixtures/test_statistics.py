"""Sketches give the figures of the data, whole or in parts, and the same ones every time."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from humandata.mixtures.statistics import VectorSketch


def sketch_of(values: np.ndarray, mask: np.ndarray, num_parts: int) -> VectorSketch:
    """One sketch, merged from the sketches of the parts."""
    whole = VectorSketch(values.shape[1])
    for part_values, part_mask in zip(np.array_split(values, num_parts), np.array_split(mask, num_parts), strict=True):
        part = VectorSketch(values.shape[1])
        part.update(part_values, part_mask)
        whole.merge(part)
    return whole


@settings(max_examples=15)
@given(seed=st.integers(0, 1000), num_rows=st.integers(1, 20_000), num_parts=st.integers(1, 7))
def test_figures_are_those_of_the_known_values(seed: int, num_rows: int, num_parts: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(num_rows, 3)) * [0.01, 1.0, 100.0] + [5.0, 0.0, -300.0]
    mask = rng.random(values.shape) < 0.7
    figures = sketch_of(values, mask, num_parts).statistics()
    for dim in range(3):
        known = values[mask[:, dim], dim]
        assert figures.num_values[dim] == len(known)
        if not len(known):
            continue
        # Six significant digits are kept.
        np.testing.assert_allclose(figures.mean[dim], known.mean(), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(figures.std[dim], known.std(), rtol=1e-5, atol=1e-9)
        for quantile, rank in ((figures.q01[dim], 0.01), (figures.q99[dim], 0.99)):
            # In ranks, within 0.2 % of the values, a fifth of the tail, and three of them, the rounding of ranks.
            reached = (known <= quantile + 1e-5 * abs(quantile)).mean()
            assert abs(reached - rank) <= 0.002 + 3 / len(known)


def test_a_dimension_without_values_is_left_as_it_is() -> None:
    figures = VectorSketch(2).statistics()
    assert figures.num_values == (0, 0)
    assert (figures.mean[0], figures.std[0], figures.q01[0], figures.q99[0]) == (0.0, 1.0, -1.0, 1.0)


def test_the_same_values_give_the_same_figures() -> None:
    values = np.random.default_rng(0).normal(size=(50_000, 2))
    mask = np.ones(values.shape, bool)
    assert sketch_of(values, mask, 5).statistics() == sketch_of(values, mask, 5).statistics()
