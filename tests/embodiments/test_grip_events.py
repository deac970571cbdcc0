"""Events of a grip: one for each time it closes or opens, however it trembles."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from humandata.embodiments.grip_events import grip_events


def test_a_pick_and_a_release_are_two_events() -> None:
    opening = np.array([0.9, 0.8, 0.5, 0.15, 0.1, 0.12, 0.1, 0.3, 0.7, 0.9])
    events = grip_events(opening)
    assert [(step, event) for step, event in enumerate(events) if event] == [(3, "close"), (8, "open")]


def test_trembling_around_a_threshold_is_one_grip() -> None:
    opening = np.array([1.0, 0.19, 0.21, 0.19, 0.25, 0.18, 0.0, 0.9])
    assert [event for event in grip_events(opening) if event] == ["close", "open"]


def test_a_hand_that_hardly_moves_its_fingers_has_no_event() -> None:
    assert grip_events(np.array([0.5, 0.45, 0.55, 0.62, 0.5])) == [None] * 5


def test_what_is_not_known_is_passed_over() -> None:
    opening = np.array([np.nan, 0.9, np.nan, 0.05, np.nan, np.nan, 0.95])
    assert grip_events(opening) == [None, None, None, "close", None, None, "open"]
    assert grip_events(np.full(3, np.nan)) == [None] * 3


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_events_take_turns(opening: list[float]) -> None:
    found = [event for event in grip_events(np.array(opening)) if event]
    assert all(a != b for a, b in itertools.pairwise(found))
