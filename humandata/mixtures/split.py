"""Which episodes are held out: a choice that follows from their ids alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def held_out_episodes(episode_ids: Iterable[str], fraction: float) -> frozenset[str]:
    """The ids among one source's that are held out: those that hash below `fraction`.

    An episode keeps its side when others come or go, save where a source would be left without either: of two or more
    episodes at least one is held out and one is not. With the fraction 0 none is.
    """
    in_order = sorted(episode_ids, key=_position)
    if fraction == 0.0 or len(in_order) < 2:
        return frozenset()
    below = sum(_position(episode_id) < fraction for episode_id in in_order)
    return frozenset(in_order[: min(max(below, 1), len(in_order) - 1)])


def _position(episode_id: str) -> float:
    """A number in [0, 1) that follows from the id."""
    digest = hashlib.sha256(f"held out/{episode_id}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
