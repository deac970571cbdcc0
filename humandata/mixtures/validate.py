"""Checks that a mixture is what its shards are."""

from __future__ import annotations

from pathlib import Path

from humandata.dataset.validate import Problem
from humandata.errors import HumandataError
from humandata.mixtures.manifest import open_sources
from humandata.mixtures.step_index import open_index
from humandata.mixtures.summary import check_repeats
from humandata.schemas.mixture import read_mixture


def validate_mixture(path: Path) -> list[Problem]:
    """What is wrong with the manifest at `path`: its fields, ratios and repeats, its sources and their episodes."""
    try:
        mixture = read_mixture(path)
        sources = open_sources(mixture, path.parent)
        index = open_index(mixture, path.parent)
        check_repeats(mixture)
    except HumandataError as failure:
        return [Problem(path.name, str(failure))]
    problems = []
    table = index.table.select(["source", "episode", "num_steps", "stop"])
    for number, (member, source) in enumerate(zip(mixture.sources, sources, strict=True)):
        episodes = source.episodes(["id", "num_steps"])
        num_steps = dict(zip(episodes.column("id").to_pylist(), episodes.column("num_steps").to_pylist(), strict=True))
        start, stop = index.spans(number, False).start, index.spans(number, True).stop
        for span in table.slice(start, stop - start).to_pylist():
            where = f"{path.name}: source '{member.name}', episode '{span['episode']}'"
            if span["episode"] not in num_steps:
                problems.append(Problem(where, "the source does not hold it"))
            elif not span["stop"] <= span["num_steps"] == num_steps[span["episode"]]:
                problems.append(
                    Problem(where, f"steps up to {span['stop']} are named, it has {num_steps[span['episode']]}")
                )
    return problems
