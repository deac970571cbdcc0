"""Checks that a mixture is what its shards are."""

from __future__ import annotations

from pathlib import Path

from humandata.dataset.validate import Problem
from humandata.errors import HumandataError
from humandata.mixtures.manifest import open_sources
from humandata.mixtures.summary import check_repeats
from humandata.schemas.mixture import read_mixture


def validate_mixture(path: Path) -> list[Problem]:
    """What is wrong with the manifest at `path`: its fields, ratios and repeats, its sources and their episodes."""
    try:
        mixture = read_mixture(path)
        sources = open_sources(mixture, path.parent)
        check_repeats(mixture)
    except HumandataError as failure:
        return [Problem(path.name, str(failure))]
    problems = []
    for member, source in zip(mixture.sources, sources, strict=True):
        episodes = source.episodes()
        num_steps = dict(zip(episodes.column("id").to_pylist(), episodes.column("num_steps").to_pylist(), strict=True))
        for episode_id, steps in (*member.training.episodes.items(), *member.held_out.episodes.items()):
            where = f"{path.name}: source '{member.name}', episode '{episode_id}'"
            last = int(steps.rsplit(":", 1)[1])
            if episode_id not in num_steps:
                problems.append(Problem(where, "the source does not hold it"))
            elif last > num_steps[episode_id]:
                problems.append(Problem(where, f"steps up to {last} are named, it has {num_steps[episode_id]}"))
    return problems
