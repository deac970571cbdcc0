"""What `train` did, as a table."""

from __future__ import annotations

from pathlib import Path

from humandata.report.console import print_json, print_line, print_renderable
from humandata.schemas.mixture import read_mixture
from humandata.training.settings import TrainSettings
from humandata.training.summary import evaluation_table
from humandata.training.train import TrainSummary, train

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def run_training(manifest: Path, runs: Path, name: str | None, settings: TrainSettings, as_json: bool) -> int:
    """Train in `runs`/name (by default named after the policy and the mixture) and report; returns the exit code."""
    chosen = name or f"{settings.policy}-{read_mixture(manifest).manifest_sha256[:8]}"
    summary = train(manifest, runs / chosen, settings)
    if as_json:
        print_json(
            {
                "run": str(summary.run),
                "status": summary.status,
                "step": summary.step,
                "resumed_from": summary.resumed_from,
                "loss": summary.loss,
                "seconds": summary.seconds,
                "device": summary.device,
                "evaluation": summary.evaluation.model_dump(mode="json") if summary.evaluation else None,
            }
        )
    else:
        _print(summary)
    return INTERRUPTED if summary.status == "interrupted" else 0


def _print(summary: TrainSummary) -> None:
    if summary.status == "interrupted":
        print_line(
            f"stopped at step {summary.step} of {summary.steps}; run the same command again to go on from there."
        )
        return
    if summary.status == "already finished":
        print_line(f"{summary.run}: nothing to do, all {summary.steps} steps are done.")
    else:
        resumed = f" (of which {summary.resumed_from} were done before)" if summary.resumed_from else ""
        print_line(f"{summary.steps} steps{resumed} on {summary.device} in {summary.seconds:.0f} s: {summary.run}")
    assert summary.evaluation is not None
    if summary.evaluation.embodiments:
        print_renderable(evaluation_table(summary.evaluation))
    else:
        print_line(
            "no held-out error: the mixture holds nothing out. `humandata mix --held-out 0.1` would, where "
            "a source has two episodes or more."
        )
