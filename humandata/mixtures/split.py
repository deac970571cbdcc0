"""Which episodes are held out: a choice that follows from their keys alone (ids, tasks or recordings)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from humandata.dataset.read import ShardSource
from humandata.mixtures.options import MixOptions
from humandata.mixtures.selection import select_episodes


def held_out_keys(keys: Iterable[str], fraction: float) -> frozenset[str]:
    """The keys that are held out: those that hash below `fraction`.

    A key keeps its side when others come or go, save where nothing would be left on either: of two or more keys at
    least one is held out and one is not. With the fraction 0 none is.
    """
    in_order = sorted(set(keys), key=_position)
    if fraction == 0.0 or len(in_order) < 2:
        return frozenset()
    below = sum(_position(key) < fraction for key in in_order)
    return frozenset(in_order[: min(max(below, 1), len(in_order) - 1)])


def held_out_tasks(sources: Sequence[ShardSource], options: MixOptions) -> frozenset[str]:
    """The tasks that all sources hold out; none where the mixture is not split by task.

    Episodes without a task are never held out for theirs.
    """
    if options.split != "task":
        return frozenset()
    tasks: set[str] = set()
    for source in sources:
        chosen = select_episodes(source.episodes(), options.where, options.tasks)
        rows = source.episodes(["id", "task"]).to_pylist()
        tasks |= {row["task"] for row in rows if row["task"] and row["id"] in chosen}
    return held_out_keys(tasks, options.held_out_fraction)


def held_out_episodes(rows: Sequence[Mapping[str, str]], options: MixOptions, tasks: frozenset[str]) -> frozenset[str]:
    """The ids among one source's episodes, `rows` of id, task and input_sha256, that are held out."""
    if options.split == "task":
        return frozenset(row["id"] for row in rows if row["task"] in tasks)
    key = "id" if options.split == "episode" else "input_sha256"
    keys = held_out_keys((row[key] for row in rows), options.held_out_fraction)
    return frozenset(row["id"] for row in rows if row[key] in keys)


def _position(key: str) -> float:
    """A number in [0, 1) that follows from the key."""
    digest = hashlib.sha256(f"held out/{key}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
