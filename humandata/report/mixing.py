"""What `mix` wrote or would write, as a table and warnings, and what differs between two manifests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

from humandata.errors import UsageError, typed
from humandata.mixtures.diff import difference
from humandata.mixtures.inputs import inherited_options
from humandata.mixtures.mix import mix
from humandata.mixtures.options import MixOptions
from humandata.mixtures.summary import MixtureSummary, summary_table
from humandata.mixtures.terms import with_terms
from humandata.progress import ProgressBar
from humandata.report.console import print_json, print_line, print_renderable
from humandata.schemas.mixture import read_mixture


def run_mix(inputs: Sequence[Path], out: Path, given: Mapping[str, Any], dry_run: bool, as_json: bool) -> None:
    """Write the manifest and print its summary.

    `given` are the fields of `MixOptions` and `ActionSpace` that the user sets; the others are as in the manifests
    among the inputs, or the defaults.
    """
    options = make_options(inputs, given)
    with ProgressBar("measure episodes", 0, "episodes") as bar:
        summary = mix(inputs, out, options, lambda done, total: bar.update(done, total=total), dry_run)
    if as_json:
        print_json({"mixture": None if dry_run else str(out), **asdict(summary)})
        return
    print_renderable(summary_table(summary))
    for warning in summary.warnings:
        print_line(f"warning: {warning}")
    done = f"dry run: {out} is not written; every" if dry_run else f"wrote {out}: every"
    print_line(f"{done} batch of {summary.batch_size} {_ratios_in_words(summary)}.")
    if not dry_run:
        print_line("Next: humandata train" + ("" if out == Path("mixture.json") else f" {typed(out)}"))


def make_options(inputs: Sequence[Path], given: Mapping[str, Any]) -> MixOptions:
    """The options that the inputs bring along, changed by what is `given`; what is given by source adds to theirs."""
    return with_terms(inherited_options(inputs, given), given)


def print_difference(old: Path, new: Path, as_json: bool) -> None:
    """Print what changed from one manifest to another, by kind."""
    for path in (old, new):
        if path.is_dir():
            raise UsageError(f"{path}: is a folder; --diff compares two manifests.")
    before, after = read_mixture(old), read_mixture(new)
    changes = difference(before, after)
    if as_json:
        hashes = {"before": before.manifest_sha256, "after": after.manifest_sha256}
        print_json({**hashes, "changes": [asdict(change) for change in changes]})
        return
    if not changes:
        print_line(f"{old} and {new} are the same mixture {before.manifest_sha256[:12]}.")
    for about, group in groupby(changes, key=lambda change: change.about):
        print_line(about)
        for change in group:
            print_line(f"  {change.in_words()}")


def _ratios_in_words(summary: MixtureSummary) -> str:
    """What a batch is or holds: samples by group, and how ratios were meant where they count in something else."""
    if summary.curriculum is not None:
        points = ", ".join(f"{each['ratio']:g} from sample {each['sample']:,}" for each in summary.curriculum["points"])
        told = (
            f"holds the share of {summary.curriculum['group']} that its curriculum says ({points}; linear in between)"
        )
        return told if summary.unit == "samples" else f"{told}, counted in {summary.unit}"
    ratios = _percent(summary.groups)
    return (
        f"is {ratios}" if summary.unit == "samples" else f"is {_percent(summary.samples)}: of {summary.unit}, {ratios}"
    )


def _percent(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{100 * share:.4g}% {group}" for group, share in sorted(shares.items()))
