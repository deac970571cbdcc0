"""The command `mix`: build, check, write, summarise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from humandata.mixtures.build import build_mixture
from humandata.mixtures.manifest import open_sources, write_mixture
from humandata.mixtures.options import MixOptions
from humandata.mixtures.summary import MixtureSummary, check_repeats, summarize


def mix(
    shards: Sequence[Path],
    out: Path,
    options: MixOptions,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> MixtureSummary:
    """Write the manifest of everything below `shards` to `out`, and summarise it.

    The same shards and options give the same bytes. Raises UsageError or DatasetError as `build_mixture` and
    `check_repeats` do; nothing is then written.
    """
    mixture = build_mixture(shards, options, out.parent, progress)
    check_repeats(mixture)
    write_mixture(out, mixture)
    return summarize(mixture, open_sources(mixture, out.parent))
