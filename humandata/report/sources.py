"""What `extract` and `ingest` did or would do, as tables and sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import starmap
from typing import Any, Protocol, get_args

from humandata.dataset.records import MAX_FAILED_RUNS
from humandata.errors import typed
from humandata.pipelines.estimate import Estimate
from humandata.pipelines.source_item import SourceItem
from humandata.pipelines.source_job import SourceSpec, SourceSummary
from humandata.report.console import count, duration, failure_line, print_json, print_line, print_table, size
from humandata.schemas.episode import CameraMotion

MOST_LINES = 10
"""Warnings and failures spelled out; the rest is counted."""


class Plan(Protocol):
    """A source to be made: its inputs, and those of them that are still to be done."""

    @property
    def spec(self) -> SourceSpec:
        """What is made."""
        ...

    @property
    def items(self) -> Sequence[SourceItem]:
        """Every input."""
        ...

    @property
    def pending(self) -> Sequence[SourceItem]:
        """Inputs that are not finished yet."""
        ...


def print_summaries(summaries: Sequence[SourceSummary], as_json: bool) -> int:
    """Print what was done; returns the exit code: 1 where an input failed, else 0."""
    failed = any(summary.failures for summary in summaries)
    if as_json:
        print_json([_as_data(summary) for summary in summaries])
        return int(failed)
    for summary in summaries:
        _print_summary(summary)
    return int(failed)


def print_plans(plans: Sequence[Plan], as_json: bool, needed: Estimate | None = None) -> None:
    """Print, for each source that would be made, its inputs and which are still to be done; and what they will need."""
    rows = [
        (
            plan.spec.name,
            str(plan.spec.place),
            [item.input for item in plan.items],
            [item.input for item in plan.pending],
        )
        for plan in plans
    ]
    if as_json:
        listed = [dict(zip(("source", "path", "inputs", "pending"), row, strict=True)) for row in rows]
        print_json(listed if needed is None else {"sources": listed, "needed": vars(needed)})
        return
    print_table(
        "dry run: nothing is written",
        ["source", "folder", "inputs", "to do", "finished"],
        [[name, path, len(inputs), len(todo), len(inputs) - len(todo)] for name, path, inputs, todo in rows],
    )
    for _, _, _, todo in rows:
        _print_some("to do", todo)
    if needed is not None and needed.hours:
        print_line(
            f"about {duration(needed.hours * 3600)} of video in {count(needed.pieces, 'piece')} of work, which need at "
            f"most {size(needed.bytes_needed)}{_room(needed)}."
        )
        if needed.workers is not None and needed.seconds is not None:
            workers = count(needed.workers, "worker")
            print_line(f"about {duration(needed.seconds)} with {workers}, by a short trial here.")


def _print_summary(summary: SourceSummary) -> None:
    counts = summary.document.counts
    print_table(
        f"{summary.document.name}  {summary.path}",
        ["inputs", "done now", "unchanged", "failed", "episodes", "rejected", "steps", "min"],
        [
            [
                summary.num_inputs,
                summary.num_inputs - summary.num_unchanged - len(summary.failures),
                summary.num_unchanged,
                len(summary.failures),
                counts.episodes,
                counts.rejected,
                counts.steps,
                round(counts.seconds / 60, 2),
            ]
        ],
    )
    if summary.num_unchanged == summary.num_inputs:
        print_line("nothing to do: every input is finished and unchanged.")
    _print_figures(summary.figures)
    for key, counted in summary.provenance.items():
        if counted:
            print_line(f"{key} by episode: {', '.join(f'{name} ({num})' for name, num in counted.items())}.")
    for rule, num in sorted(summary.rejections.items()):
        print_line(f"rejected {num} by '{rule}': `humandata inspect {typed(summary.path)}` says which and why")
    _print_some("warning", [f"{name}: {text}" for name, texts in summary.warnings.items() for text in texts])
    _print_some("failed", list(starmap(failure_line, summary.failures.items())))
    if summary.failures:
        print_line(
            f"what failed is in {summary.path / 'quarantine'} and is tried again by the next run; "
            "everything else is written."
        )
    if summary.given_up:
        print_line(
            f"{len(summary.given_up)} of them failed {MAX_FAILED_RUNS} times and were left alone; when the cause "
            f"is mended: humandata quarantine retry {typed(summary.path)}"
        )


def _print_figures(figures: Mapping[str, float]) -> None:
    """What was seen in videos; a robot's dataset has no such figures."""
    if "frames" in figures:
        seen, looked = figures["frames_with_hands"], figures["frames"]
        print_line(f"hands in {seen:.0f} of {looked:.0f} frames looked at.")
    cameras = {motion: figures.get(f"camera_{motion}", 0) for motion in get_args(CameraMotion)}
    if any(cameras.values()):
        told = ", ".join(f"{motion} ({num:.0f})" for motion, num in cameras.items() if num)
        print_line(f"camera motion by video: {told}.")
    if figures.get("hands_with_measured_depth"):
        measured, found = figures["hands_with_measured_depth"], figures["hands"]
        print_line(f"depth measured of {measured:.0f} of {found:.0f} hands found.")


def _print_some(label: str, lines: Sequence[str]) -> None:
    for line in lines[:MOST_LINES]:
        print_line(f"{label} {line}")
    if len(lines) > MOST_LINES:
        print_line(f"... and {len(lines) - MOST_LINES} more")


def _as_data(summary: SourceSummary) -> dict[str, Any]:
    return {
        "source": summary.document.name,
        "path": str(summary.path),
        "inputs": summary.num_inputs,
        "unchanged": summary.num_unchanged,
        "counts": summary.document.counts.model_dump(),
        "figures": summary.figures,
        "provenance": summary.provenance,
        "rejections": summary.rejections,
        "failures": summary.failures,
        "given_up": list(summary.given_up),
        "warnings": {name: list(texts) for name, texts in summary.warnings.items()},
        "fingerprint": summary.document.fingerprint,
    }


def _room(needed: Estimate) -> str:
    """Whether a disk has room, in words; an object store always has."""
    if needed.bytes_free is None:
        return ""
    enough = "enough" if needed.bytes_needed <= needed.bytes_free else "NOT ENOUGH"
    return f" on disk ({size(needed.bytes_free)} are free: {enough})"
