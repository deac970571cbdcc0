"""A share that changes: which turns the first of two gets, in closed form, where its share is piecewise linear.

Of the first n turns the first of the two gets floor(S(n) + 1/2), S being the integral of its share up to n: the largest
remainder with its error carried, as for constant shares (`apportion`). S grows by at most 1 a turn, so each turn goes
to one of them. All in whole numbers, in constant time for any n: nothing drifts and nothing is walked through.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from humandata.arrays import IntArray
from humandata.mixtures.apportion import Apportionment
from humandata.schemas.mixture import RATIO_DECIMALS

_ONE: int = 10**RATIO_DECIMALS
"""Shares are counted in parts of it."""


@dataclass(frozen=True)
class Schedule:
    """K stretches of turns: in each the share goes linearly from `share` to `next_share`, the last has no end."""

    start: IntArray
    """(K,) first turn."""
    length: IntArray
    """(K,) turns; of the last, in which the share is constant, 1."""
    share: IntArray
    """(K,) at the first turn, in parts of 10^6."""
    next_share: IntArray
    """(K,) at the next stretch's first turn."""
    before: IntArray
    """(K,) twice the integral up to the first turn, in the same parts."""

    def first_turns(self, turns: IntArray) -> IntArray:
        """How many of the first `turns` (N,), each below 4e12, the first of the two gets."""
        return np.asarray((self._twice_integral(turns) + _ONE) // (2 * _ONE))

    def mean_share(self, num_turns: int) -> float:
        """Of the first `num_turns` > 0 turns."""
        twice_integral = int(self._twice_integral(np.array([num_turns]))[0])
        return twice_integral / (2 * _ONE * num_turns)

    def _twice_integral(self, turns: IntArray) -> IntArray:
        """floor(2 S(n)) (N,) in parts of 10^6: 2 S = before + 2 share x + (next_share - share) x^2 / length."""
        at = np.searchsorted(self.start, turns, side="right") - 1
        share, length, x = self.share[at], self.length[at], turns - self.start[at]
        slope = self.next_share[at] - share
        # x^2 / length as a whole number and a rest: their products with the slope fit into 64 bits.
        whole, rest = np.divmod(np.where(slope == 0, 0, x) ** 2, length)
        return np.asarray(self.before[at] + 2 * share * x + slope * whole + slope * rest // length)


@dataclass(frozen=True)
class ScheduledApportionment:
    """Turns shared by a member 0 whose share is scheduled, and members 1, 2, ... who share what it leaves."""

    schedule: Schedule
    others: Apportionment

    def locate(self, turns: IntArray) -> tuple[IntArray, IntArray]:
        """The member (N,) that gets each turn (N,), and how many turns before it that member had (N,)."""
        before = self.schedule.first_turns(turns)
        left = np.flatnonzero(self.schedule.first_turns(turns + 1) == before)
        member, count = np.zeros(len(turns), dtype=np.int64), before
        other, count[left] = self.others.locate(turns[left] - before[left])
        member[left] = other + 1
        return member, count


def schedule(points: list[tuple[int, float]]) -> Schedule:
    """The schedule through (turn, share) points in order of turn, constant before the first and after the last."""
    points = ([] if points[0][0] == 0 else [(0, points[0][1])]) + points
    start = np.array([turn for turn, _ in points], dtype=np.int64)
    share = np.array([round(ratio * _ONE) for _, ratio in points], dtype=np.int64)
    length = np.append(np.diff(start), 1)
    next_share = np.append(share[1:], share[-1])
    twice_integral = (share + next_share)[:-1] * length[:-1]
    return Schedule(start, length, share, next_share, np.concatenate([[0], np.cumsum(twice_integral)]))
