"""What `mix` wrote, as a table and warnings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from humandata.mixtures.mix import mix
from humandata.mixtures.options import MixOptions
from humandata.mixtures.summary import summary_table
from humandata.progress import ProgressBar
from humandata.report.console import print_json, print_line, print_renderable


def run_mix(shards: Sequence[Path], out: Path, options: MixOptions, as_json: bool) -> None:
    """Write the manifest and print its summary."""
    with ProgressBar("measure episodes", 0, "episodes") as bar:
        summary = mix(shards, out, options, lambda done, total: bar.update(done, total=total))
    if as_json:
        print_json({"mixture": str(out), **asdict(summary)})
        return
    print_renderable(summary_table(summary))
    for warning in summary.warnings:
        print_line(f"warning: {warning}")
    ratios = ", ".join(f"{ratio:g} {group}" for group, ratio in sorted(summary.groups.items()))
    print_line(f"wrote {out}: every batch of {summary.batch_size} holds {ratios}. Next: humandata train")
