"""Which episodes are held out depends on their ids, and leaves something on both sides."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from humandata.mixtures.split import held_out_episodes

IDS = st.sets(st.text("0123456789abcdef", min_size=4, max_size=6), max_size=40)


@given(ids=IDS, fraction=st.floats(0.01, 0.99))
def test_two_or_more_episodes_leave_some_on_each_side(ids: set[str], fraction: float) -> None:
    held_out = held_out_episodes(ids, fraction)
    assert held_out <= ids
    if len(ids) >= 2:
        assert 0 < len(held_out) < len(ids)
    else:
        assert not held_out


@given(ids=IDS)
def test_order_does_not_matter_and_zero_holds_out_none(ids: set[str]) -> None:
    assert held_out_episodes(sorted(ids), 0.3) == held_out_episodes(sorted(ids, reverse=True), 0.3)
    assert not held_out_episodes(ids, 0.0)


def test_the_fraction_is_held_out_and_stays_so_when_episodes_come() -> None:
    ids = [f"{number:016x}" for number in range(5000)]
    held_out = held_out_episodes(ids, 0.1)
    # Five standard deviations of a binomial of 5000 at 0.1.
    assert abs(len(held_out) - 500) < 5 * 21.3
    assert held_out_episodes(ids[:2500], 0.1) == held_out & set(ids[:2500])
