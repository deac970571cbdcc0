"""How much is left is told by size and by the workers' time, also where inputs differ or are done in parts."""

from __future__ import annotations

import pytest

from humandata.pipelines.work_clock import WorkClock


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def now() -> Time:
    return Time()


def test_nothing_is_claimed_before_anything_is_finished(now: Time) -> None:
    clock = WorkClock({"a": 5.0}, now)
    clock.begin("w", "a")
    now.now += 7
    assert (clock.fraction, clock.seconds_left, clock.seconds_for_finished) == (0.0, None, 0.0)


def test_inputs_count_by_their_size(now: Time) -> None:
    clock = WorkClock({"short": 10.0, "long": 90.0}, now)
    clock.begin("w", "short")
    now.now += 4
    clock.finish("short")
    clock.begin("w", "long")
    assert clock.fraction == pytest.approx(0.1)
    assert clock.seconds_left == pytest.approx(36)
    now.now += 9  # a quarter of the long one, by the pace of the short one
    assert clock.fraction == pytest.approx(0.1 + 0.9 / 4)
    assert clock.seconds_left == pytest.approx(27)
    now.now += 91  # it takes longer than its size says, and is not called done: half of its time may be left
    assert clock.seconds_left == pytest.approx(50)
    assert clock.fraction == pytest.approx(104 / 154)
    clock.finish("long")
    clock.begin("w", None)
    assert clock.seconds_for_finished == pytest.approx(104)


def test_an_input_that_failed_tells_nothing_of_the_pace(now: Time) -> None:
    clock = WorkClock({"broken": 1.0, "a": 10.0, "b": 30.0}, now)
    clock.begin("w", "broken")
    now.now += 5
    clock.finish("broken", failed=True)
    assert (clock.fraction, clock.seconds_left) == (0.0, None)
    clock.begin("w", "a")
    now.now += 20
    clock.finish("a")
    clock.begin("w", "b")
    assert clock.seconds_left == pytest.approx(60)
    now.now += 60
    clock.finish("b", failed=True)
    assert clock.fraction == 1.0


def test_where_all_inputs_failed_all_is_done(now: Time) -> None:
    clock = WorkClock({"a": 1.0}, now)
    clock.begin("w", "a")
    now.now += 5
    clock.finish("a", failed=True)
    assert clock.fraction == 1.0


def test_workers_share_what_is_left_but_not_one_input(now: Time) -> None:
    clock = WorkClock(dict.fromkeys("abcde", 1.0), now)
    clock.begin("v", "a")
    clock.begin("w", "b")
    now.now += 10
    clock.finish("a")
    clock.begin("v", "c")
    assert clock.seconds_left == pytest.approx(17.5)  # 20 s of c, d; 10 of e; b is due, so 5: three for two workers
    now.now += 10
    clock.finish("b")
    clock.finish("c")
    assert clock.seconds_left is not None
    clock.begin("v", "d")
    clock.begin("w", "e")
    assert clock.seconds_left == pytest.approx(40 / 3)  # not half of 80/3: each is one worker's
    clock.finish("d")
    clock.begin("v", None)
    assert clock.seconds_left == pytest.approx(10)


def test_the_parts_of_an_input_are_done_side_by_side(now: Time) -> None:
    clock = WorkClock({"short": 1.0, "long": 10.0}, now)
    clock.begin("v", "short")
    now.now += 6
    clock.finish("short")
    clock.begin("v", "long")
    clock.begin("w", "long")
    assert clock.seconds_left == pytest.approx(30)
    now.now += 3
    clock.finish_part("long", 0.05)
    clock.begin("v", "long")  # its next part
    assert clock.seconds_left == pytest.approx(27)
    assert clock.fraction == pytest.approx((6 + 6) / 66)


def test_who_has_been_at_it_longest_comes_first(now: Time) -> None:
    clock = WorkClock(dict.fromkeys("ab", 1.0), now)
    clock.begin("v", "a")
    now.now += 5
    clock.begin("w", "b")
    now.now += 1
    assert [(each.worker, each.item, each.seconds) for each in clock.doing()] == [("v", "a", 6.0), ("w", "b", 1.0)]
    clock.finish("a")
    assert {each.worker: each.item for each in clock.doing()} == {"v": None, "w": "b"}
