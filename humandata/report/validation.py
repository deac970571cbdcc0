"""What `validate` finds, of shards or of a mixture."""

from __future__ import annotations

from pathlib import Path

from humandata.dataset.read import find_sources
from humandata.dataset.validate import Problem, validate_source
from humandata.errors import UsageError
from humandata.mixtures.validate import validate_mixture
from humandata.progress import ProgressBar
from humandata.report.console import print_json, print_line, print_table
from humandata.storage import is_remote


def validate_path(path: Path) -> dict[str, list[Problem]]:
    """Problems by source of a shard folder, or of the mixture that the path is; UsageError where it is neither."""
    if path.is_file():
        return {str(path): validate_mixture(path)}
    if not is_remote(path) and not path.exists():
        raise UsageError(f"{path}: no such file or folder. Give a shard folder, a source in it, or a mixture.")
    sources = find_sources(path)
    with ProgressBar("validate", sum(source.document.counts.episodes for source in sources), "episodes") as bar:
        return {source.document.name: list(validate_source(source, bar.advance)) for source in sources}


def print_problems(problems: dict[str, list[Problem]], as_json: bool) -> int:
    """Print what was found; returns the exit code: 1 where something is wrong."""
    if as_json:
        print_json({name: [vars(problem) for problem in found] for name, found in problems.items()})
    for name, found in problems.items() if not as_json else ():
        if found:
            print_table(f"{name}: {len(found)} problems", ["where", "what"], [[p.where, p.what] for p in found])
        else:
            print_line(f"{name}: sound")
    return int(any(problems.values()))
