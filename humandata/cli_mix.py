"""The command `humandata mix`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer


class _HumanGripper(Enum):
    MASK = "mask"
    APERTURE = "aperture"


class _Unit(Enum):
    SAMPLE = "sample"
    EPISODE = "episode"
    SECOND = "second"


class _Split(Enum):
    EPISODE = "episode"
    TASK = "task"
    SCENE = "scene"


def mix(
    context: typer.Context,
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Shard folders, sources in them, patterns, or mixtures, whose terms then hold; default: shards."
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Manifest to write.")] = Path("mixture.json"),
    robot_ratio: Annotated[
        float | None, typer.Option("--robot-ratio", help="Share of robot samples in every batch, from 0 to 1.")
    ] = None,
    ratio: Annotated[
        list[str] | None, typer.Option("--ratio", help="GROUP=X, share of any group; the others share the rest alike.")
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option("--group", help="SOURCE=GROUP, instead of human or robot: 'droid*=arms'; * and ? are wildcards."),
    ] = None,
    curriculum: Annotated[
        str | None,
        typer.Option(
            "--curriculum", help="[GROUP=]SAMPLE:RATIO,...: a ratio (robot's) that changes: 0:0.95,100000:0.5"
        ),
    ] = None,
    unit: Annotated[
        _Unit,
        typer.Option("--unit", help="What ratios and weights are shares of: samples, or whole episodes, or time."),
    ] = _Unit.SAMPLE,
    batch_size: Annotated[
        int, typer.Option("--batch-size", min=1, help="Samples of a batch, all processes together.")
    ] = 64,
    horizon: Annotated[int, typer.Option("--horizon", min=1, help="Steps of an action chunk.")] = 50,
    rate: Annotated[float, typer.Option("--rate", min=0.1, help="Steps a second within a chunk.")] = 30.0,
    human_gripper: Annotated[
        _HumanGripper,
        typer.Option("--human-gripper", help="mask: as in the paper; aperture: train on finger aperture."),
    ] = _HumanGripper.MASK,
    weight: Annotated[list[str] | None, typer.Option("--weight", help="SOURCE=X, share within its group.")] = None,
    size_alpha: Annotated[
        float, typer.Option("--size-alpha", help="Weight by size^X: 1 draws steps alike, 0 draws sources alike.")
    ] = 1.0,
    where: Annotated[
        str | None, typer.Option("--where", help='Only episodes for which this SQL condition holds: "num_steps > 30".')
    ] = None,
    tasks: Annotated[
        list[str] | None, typer.Option("--tasks", help="Only episodes of this task: 'fold*'; * and ? are wildcards.")
    ] = None,
    slowdown: Annotated[
        list[str] | None, typer.Option("--slowdown", help="SOURCE=X, play its motion X times slower than recorded.")
    ] = None,
    static_camera: Annotated[
        list[str] | None, typer.Option("--static-camera", help="SOURCE whose camera stood still, as you vouch.")
    ] = None,
    mask_rotation: Annotated[
        list[str] | None, typer.Option("--mask-rotation", help="SOURCE whose rotations are not to be learned.")
    ] = None,
    max_repeats: Annotated[
        float,
        typer.Option("--max-repeats", min=1.0, help="Most passes over a source for a pass over the one passed least."),
    ] = 100.0,
    held_out: Annotated[
        float, typer.Option("--held-out", help="Share of episodes kept for evaluation, from 0 to 1.")
    ] = 0.1,
    split: Annotated[
        _Split, typer.Option("--split", help="What is held out as a whole: episodes, tasks, or scenes (recordings).")
    ] = _Split.EPISODE,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Decides the order of samples.")] = 0,
    diff: Annotated[
        tuple[Path, Path] | None, typer.Option("--diff", help="Tell what changed between two manifests, and stop.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be written, and write no manifest.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script instead of text.")] = False,
) -> None:
    """Freeze what training draws from: sources, exact ratios, action space, normalisation."""
    # The signature is for typer: TERMS says what becomes of an option, and where none is typed, MixOptions holds.
    parameters = locals()
    from humandata.mixtures.terms import read_terms
    from humandata.report.mixing import print_difference, run_mix

    if diff is not None:
        print_difference(*diff, as_json)
        return
    typed = {
        name: value.value if isinstance(value, Enum) else value
        for name, value in parameters.items()
        if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    }
    run_mix(inputs or [Path("shards")], out, read_terms(typed), dry_run, as_json)
