"""Exact shares: which of several weighted members gets turn n, in closed form.

Two members share turns by rounding: of the first n turns the first member gets floor(n w + 1/2), so every stretch of B
turns gives it floor(B w) or ceil(B w), with the error carried into the next stretch: the largest remainder, for two
members. More members are the leaves of a binary tree of such splits; each then stays within two turns of its share.
Counts are integers throughout, so nothing drifts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from humandata.arrays import IntArray

_MAX_DENOMINATOR = 2**31 - 1
"""Products of two numbers up to this fit into 64 bits; a share is off by less than 1 in 4e18."""


@dataclass(frozen=True)
class Apportionment:
    """A binary tree of splits, as arrays over its nodes; the root is node 0, and a child < 0 is the leaf ~child."""

    numerator: IntArray
    denominator: IntArray
    left: IntArray
    right: IntArray

    def locate(self, turns: IntArray) -> tuple[IntArray, IntArray]:
        """The member (N,) that gets each turn (N,), and how many turns before it that member had (N,)."""
        count = np.array(turns, dtype=np.int64)
        node = np.zeros(len(count), dtype=np.int64)
        inner = np.arange(len(count))
        while len(inner):
            at, n = node[inner], count[inner]
            before = self._left_turns(at, n)
            goes_left = self._left_turns(at, n + 1) > before
            count[inner] = np.where(goes_left, before, n - before)
            node[inner] = np.where(goes_left, self.left[at], self.right[at])
            inner = inner[node[inner] >= 0]
        return ~node, count

    def _left_turns(self, node: IntArray, turns: IntArray) -> IntArray:
        """How many of the first `turns` (N,) go left at `node` (N,): floor(turns * share + 1/2), without overflow."""
        numerator, denominator = self.numerator[node], self.denominator[node]
        whole, rest = np.divmod(turns, denominator)
        return np.asarray(whole * numerator + (rest * numerator + denominator // 2) // denominator)


def apportion(weights: Sequence[Fraction]) -> Apportionment:
    """The apportionment of turns to members by weight >= 0, at least one > 0; a member of weight 0 never has a turn."""
    members = sorted((i for i, weight in enumerate(weights) if weight > 0), key=lambda i: (-weights[i], i))
    assert members, "at least one weight must be positive"
    scale = math.lcm(*(weights[i].denominator for i in members))
    parts = {i: int(weights[i] * scale) for i in members}
    rows: list[tuple[int, int, int, int]] = []

    def build(part: list[int]) -> int:
        if len(part) == 1:
            return ~part[0]
        node = len(rows)
        rows.append((0, 1, 0, 0))
        cut = _balanced_cut([parts[i] for i in part])
        left, total = sum(parts[i] for i in part[:cut]), sum(parts[i] for i in part)
        share = Fraction(left, total).limit_denominator(_MAX_DENOMINATOR)
        rows[node] = (share.numerator, share.denominator, build(part[:cut]), build(part[cut:]))
        return node

    if len(members) == 1:
        rows.append((1, 1, ~members[0], ~members[0]))
    else:
        build(members)
    return Apportionment(*(np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)))


def _balanced_cut(weights: list[int]) -> int:
    """Where to cut descending weights so that both sides weigh as nearly the same as can be."""
    total = sum(weights)
    best, running = 1, weights[0]
    nearest = abs(2 * running - total)
    for cut in range(2, len(weights)):
        running += weights[cut - 1]
        if abs(2 * running - total) < nearest:
            best, nearest = cut, abs(2 * running - total)
    return best
