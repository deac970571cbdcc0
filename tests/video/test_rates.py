from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from humandata.video.rates import Thinner, thin

stamps_ns = st.lists(st.integers(1, 500_000_000), min_size=1, max_size=60).map(lambda gaps: np.cumsum([0, *gaps]))
rates_hz = st.floats(0.5, 120)


@given(stamps_ns, rates_hz, rates_hz)
def test_at_most_the_rate_is_kept_and_the_first_always(stamps: np.ndarray, rate_hz: float, source_hz: float) -> None:
    kept = thin(stamps, rate_hz, source_hz)
    assert kept[0]
    # One frame a slot; the shift of under half a slot can open one slot more than the span holds.
    assert kept.sum() <= (stamps[-1] - stamps[0]) / 1e9 * rate_hz + 1.5


@given(stamps_ns, rates_hz, st.integers(-(10**15), 10**15))
def test_only_time_since_the_first_frame_matters(stamps: np.ndarray, rate_hz: float, shift_ns: int) -> None:
    assert np.array_equal(thin(stamps, rate_hz, 30.0), thin(stamps + shift_ns, rate_hz, 30.0))


@pytest.mark.parametrize(("source_hz", "rate_hz", "step"), [(30, 15, 2), (60, 15, 4), (29.97, 15, 2), (30, 30, 1)])
def test_jitter_of_some_milliseconds_leaves_an_even_rate(source_hz: float, rate_hz: float, step: int) -> None:
    jitter = np.random.default_rng(0).uniform(-0.003, 0.003, 300)
    stamps = np.round((np.arange(300) / source_hz + jitter) * 1e9).astype(np.int64)
    assert np.flatnonzero(thin(stamps, rate_hz, source_hz)).tolist() == list(range(0, 300, step))


def test_a_rate_that_does_not_divide_the_source_is_met_on_average() -> None:
    stamps = np.round(np.arange(240) / 24 * 1e9).astype(np.int64)
    assert thin(stamps, 15, 24.0).sum() == pytest.approx(150, abs=1)


def test_a_slower_source_is_kept_whole() -> None:
    assert thin(np.arange(0, 10**10, 10**8), 15, 10.0).all()
    assert thin([], 15, None).size == 0


def test_a_rate_must_be_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        thin([0, 1], 0.0, None)


@given(
    st.lists(st.integers(1, 200_000_000), min_size=1, max_size=60),
    st.floats(0.5, 60.0),
    st.sampled_from([None, 24.0, 29.97, 60.0]),
)
def test_one_at_a_time_is_the_same_as_all_at_once(steps_ns: list[int], rate_hz: float, source_hz: float | None) -> None:
    stamps = np.cumsum(steps_ns)
    thinner = Thinner(rate_hz, source_hz)
    assert [thinner.keeps(int(stamp)) for stamp in stamps] == thin(stamps, rate_hz, source_hz).tolist()
