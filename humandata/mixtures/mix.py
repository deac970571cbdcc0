"""The command `mix`: build, check, write, summarise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from humandata.dataset.files import write_atomically
from humandata.mixtures.build import build_mixture
from humandata.mixtures.manifest import write_mixture
from humandata.mixtures.options import MixOptions
from humandata.mixtures.step_index import parse_index
from humandata.mixtures.summary import MixtureSummary, check_repeats, summarise


def mix(
    inputs: Sequence[Path],
    out: Path,
    options: MixOptions,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    dry_run: bool = False,
) -> MixtureSummary:
    """Write the manifest of all `inputs` (`find_inputs`) to `out`, its index beside it, and summarise it.

    With `dry_run` neither is written, only what was measured of the sources. Of a manifest among the inputs the sources
    are taken; `inherited_options` gives the options that it was made with. The same inputs and options give the same
    bytes. Raises UsageError or DatasetError as `build_mixture` and
    `check_repeats` do; no manifest is then written.
    """
    built = build_mixture(inputs, options, out.parent, progress)
    check_repeats(built.mixture)
    if not dry_run:
        write_atomically(out.parent / built.mixture.index.file, built.index)
        write_mixture(out, built.mixture)
    index = parse_index(built.index, len(built.mixture.sources))
    return summarise(built.mixture, built.sources, index, built.left_out)
