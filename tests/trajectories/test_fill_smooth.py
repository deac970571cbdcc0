"""Filling and smoothing, by what must stay true whatever the track."""

from __future__ import annotations

import numpy as np
import pytest
from hand_builders import hand_of, moving_hand, timestamps
from hypothesis import given, settings
from hypothesis import strategies as st

from humandata.geometry.rotations import matrix_from_rotvec
from humandata.schemas.landmarks import SIDES, Side
from humandata.trajectories.fill import Gap, fill_confidence, fill_landmarks, short_gaps
from humandata.trajectories.smooth import OutlierSettings, SmoothSettings, outliers, smooth

NUM_FRAMES = 40


@settings(max_examples=40)
@given(st.lists(st.booleans(), min_size=2, max_size=40), st.floats(0.0, 0.5))
def test_only_short_gaps_between_known_frames_are_filled(known: list[bool], max_gap_s: float) -> None:
    stamps = timestamps(len(known))
    for gap in short_gaps(stamps, np.array(known), max_gap_s):
        assert known[gap.start - 1]
        assert known[gap.stop]
        assert not any(known[gap.start : gap.stop])
        assert stamps[gap.stop] - stamps[gap.start - 1] <= max_gap_s * 1e9


@pytest.mark.parametrize("side", SIDES)
def test_a_filled_hand_that_turns_keeps_its_size(side: Side) -> None:
    R = matrix_from_rotvec(np.linspace(0.0, 1.5, 9)[:, None] * [0.0, 1.0, 0.0])
    truth = hand_of(side) @ np.swapaxes(R, -1, -2) + [0.0, 0.0, 0.5]
    holed = truth.copy()
    holed[1:8] = np.nan
    filled = fill_landmarks(timestamps(9), holed, [Gap(1, 8)], side)
    # A rigid turn about a fixed axis through the palm is what SLERP draws; the palm's origin is off the turning
    # point by a few centimetres, and moves on a chord instead of an arc.
    np.testing.assert_allclose(filled, truth, atol=0.01)
    span = np.linalg.norm(filled[:, 5] - filled[:, 17], axis=-1)
    np.testing.assert_allclose(span, span[0], rtol=1e-6)


def test_a_filled_frame_is_no_surer_than_the_frames_beside_it() -> None:
    confidence = np.array([0.9, np.nan, np.nan, 0.6])
    np.testing.assert_allclose(fill_confidence(confidence, [Gap(1, 3)]), [0.9, 0.6, 0.6, 0.6])


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.floats(0.0, 0.5))
def test_constant_acceleration_passes_the_smoother_at_uneven_times(seed: int, window_s: float) -> None:
    rng = np.random.default_rng(seed)
    stamps = np.cumsum(rng.integers(10_000_000, 60_000_000, NUM_FRAMES))
    seconds = stamps[:, None] / 1e9
    values = rng.normal(size=3) + rng.normal(size=3) * seconds + rng.normal(size=3) * seconds**2
    np.testing.assert_allclose(smooth(stamps, values, SmoothSettings(window_s=window_s)), values, atol=1e-8)


def test_smoothing_takes_noise_and_leaves_holes() -> None:
    rng = np.random.default_rng(3)
    truth = moving_hand("right", NUM_FRAMES)
    noisy = truth + rng.normal(scale=0.005, size=truth.shape)
    noisy[15] = np.nan
    smoothed = smooth(timestamps(NUM_FRAMES), noisy, SmoothSettings(window_s=0.4))
    assert np.isnan(smoothed[15]).all()
    known = np.arange(NUM_FRAMES) != 15
    assert np.std((smoothed - truth)[known]) < 0.6 * np.std((noisy - truth)[known])


def test_nothing_is_smoothed_across_a_hole() -> None:
    step = np.repeat([[0.0], [np.nan], [1.0]], [12, 1, 12], axis=0)
    smoothed = smooth(timestamps(25), step, SmoothSettings(window_s=0.5))
    np.testing.assert_allclose(smoothed, step, atol=1e-9)


@pytest.mark.parametrize("side", SIDES)
def test_a_jump_and_a_flip_are_outliers_and_nothing_else_is(side: Side) -> None:
    hand = moving_hand(side, NUM_FRAMES)
    hand[10] += [0.0, 0.0, 0.3]
    middle = hand[25].mean(axis=0)
    hand[25] = (hand[25] - middle) * [-1.0, 1.0, -1.0] + middle
    hand[30] = np.nan
    assert np.flatnonzero(outliers(hand, side, OutlierSettings())).tolist() == [10, 25]
