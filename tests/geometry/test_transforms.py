from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from humandata.geometry.rotations import matrix_from_rotvec
from humandata.geometry.transforms import (
    apply,
    bracket,
    interpolate,
    invert,
    make_transform,
    position_wxyz_from_transform,
    transform_from_position_wxyz,
)

TWISTS = arrays(np.float64, (6,), elements=st.floats(-3.0, 3.0))
BATCH_SHAPES = [(), (4,), (2, 3)]


def transform(twist: np.ndarray) -> np.ndarray:
    return make_transform(matrix_from_rotvec(twist[..., :3]), twist[..., 3:])


def random_transforms(batch: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return transform(np.random.default_rng(seed).normal(size=(*batch, 6)))


@pytest.mark.parametrize("batch", BATCH_SHAPES)
def test_group_axioms(batch: tuple[int, ...]) -> None:
    T_a_b, T_b_c, T_c_d = (random_transforms(batch, seed) for seed in range(3))
    np.testing.assert_allclose(invert(T_a_b) @ T_a_b, np.broadcast_to(np.eye(4), T_a_b.shape), atol=1e-12)
    np.testing.assert_allclose(T_a_b @ (T_b_c @ T_c_d), (T_a_b @ T_b_c) @ T_c_d, atol=1e-12)
    np.testing.assert_allclose(invert(T_a_b @ T_b_c), invert(T_b_c) @ invert(T_a_b), atol=1e-12)


@pytest.mark.parametrize("batch", BATCH_SHAPES)
def test_applying_composed_transforms_is_applying_them_in_turn(batch: tuple[int, ...]) -> None:
    T_a_b, T_b_c = random_transforms(batch, 0), random_transforms(batch, 1)
    points_c = np.random.default_rng(2).normal(size=(*batch, 7, 3))
    np.testing.assert_allclose(apply(T_a_b @ T_b_c, points_c), apply(T_a_b, apply(T_b_c, points_c)), atol=1e-12)


@pytest.mark.parametrize("batch", BATCH_SHAPES)
def test_position_and_quaternion_hold_the_whole_transform(batch: tuple[int, ...]) -> None:
    T = random_transforms(batch)
    np.testing.assert_allclose(transform_from_position_wxyz(*position_wxyz_from_transform(T)), T, atol=1e-12)


def test_a_missing_part_makes_the_whole_transform_missing() -> None:
    T = make_transform(np.eye(3), [[0.0, 0.0, 0.0], [np.nan, 0.0, 0.0]])
    assert np.isfinite(T[0]).all()
    assert np.isnan(T[1]).all()


@given(TWISTS, TWISTS)
def test_interpolation_meets_both_ends(start: np.ndarray, end: np.ndarray) -> None:
    T_start, T_end = transform(start), transform(end)
    np.testing.assert_allclose(interpolate(T_start, T_end, 0.0), T_start, atol=1e-6)
    np.testing.assert_allclose(interpolate(T_start, T_end, 1.0), T_end, atol=1e-6)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=20, unique=True), st.integers(-(10**9), 2 * 10**9))
def test_bracket_interpolates_time_itself(stamps: list[int], query: int) -> None:
    timestamps = np.array(sorted(stamps), dtype=np.int64)
    index, fraction = bracket(timestamps, query)
    following = min(int(index) + 1, len(timestamps) - 1)
    found = timestamps[index] + fraction * (timestamps[following] - timestamps[index])
    assert found == pytest.approx(np.clip(query, timestamps[0], timestamps[-1]))
