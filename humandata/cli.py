"""The command line. A command parses its arguments and makes one call; what is heavy is imported when it is called."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from humandata import __version__
from humandata.cli_mix import mix
from humandata.cli_quarantine import quarantine
from humandata.errors import HumandataError, UsageError
from humandata.storage import with_urls


class _Seeds(Enum):
    DEV = "dev"
    REPORT = "report"


class _CameraMotion(Enum):
    AUTO = "auto"
    BACKGROUND = "background"
    STATIC = "static"
    SIDECAR = "sidecar"
    RGBD = "rgbd"
    SFM = "sfm"


class _Commands(TyperGroup):
    """Turns errors into messages and exit codes: 2 wrong usage, 1 anything else a user can mend, 130 interrupted."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except HumandataError as error:
            typer.secho(f"error: {with_urls(str(error))}", fg="red", err=True)
            raise typer.Exit(2 if isinstance(error, UsageError) else 1) from None
        except KeyboardInterrupt as interruption:
            kept = str(interruption) or "what is finished is kept; run the same command again to go on."
            typer.echo(f"interrupted: {kept}", err=True)
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Turn human videos and robot datasets into one co-training set for vision-language-action policies.",
)

bench = typer.Typer(no_args_is_help=True, help="Measure against a known truth, beside what one would do without us.")
app.add_typer(bench, name="bench")

app.add_typer(quarantine, name="quarantine")

Out = Annotated[Path, typer.Option("--out", help="Shard folder to add to; may be on s3:// or gs://.")]
Name = Annotated[str | None, typer.Option("--name", help="Name of the source; default: the folder's or file's.")]
Workers = Annotated[
    int | None,
    typer.Option("--workers", min=1, help="Processes; default: one for each core, on a cluster what it has room for."),
]
Address = Annotated[
    str | None, typer.Option("--address", help="Ray cluster: auto, or HOST:PORT; default: this machine alone.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and write nothing.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a script instead of text.")]


def _version(show: bool) -> None:
    if show:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Human video in, robot-ready training data out."""


@app.command()
def extract(
    videos: Annotated[list[Path], typer.Argument(help="Videos, or folders of videos; each folder becomes a source.")],
    out: Out = Path("shards"),
    recipe: Annotated[
        str, typer.Option("--recipe", help="A recipe: default, fast, or a YAML file of yours.")
    ] = "default",
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a key of the recipe: decode.rate_hz=15; may be given several times."),
    ] = None,
    camera: Annotated[
        _CameraMotion | None,
        typer.Option(
            "--camera",
            metavar="CHOICE",
            help="How the camera's motion is known where a sidecar does not tell: auto (the default: whether it moved "
            "from the background, how from depth maps or structure from motion), background (whether it moved, not "
            "how), static (you vouch for it), sidecar (not at all), rgbd (depth maps), sfm (structure from motion).",
        ),
    ] = None,
    fov: Annotated[
        float | None,
        typer.Option(
            "--fov",
            help="Horizontal field of view in degrees, where neither sidecar nor metadata tell it; default: 65.",
        ),
    ] = None,
    hand_length: Annotated[
        float | None,
        typer.Option(
            "--hand-length",
            help="Metres from the wrist's crease to the tip of the middle finger, such as 0.187, where a sidecar does "
            "not tell; default: not known.",
        ),
    ] = None,
    estimator: Annotated[
        str | None,
        typer.Option("--estimator", help="mediapipe (the default), hamer, or your own class as module:Class."),
    ] = None,
    gpus_per_worker: Annotated[
        float, typer.Option("--gpus-per-worker", min=0.0, help="GPUs of each worker; 0.25: four share one.")
    ] = 0.0,
    name: Name = None,
    workers: Workers = None,
    address: Address = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Turn human videos into shards: hands in 3D, as end-effector trajectories."""
    from humandata.pipelines.estimate import count_cores, estimate
    from humandata.pipelines.extract import extract as run_extract
    from humandata.pipelines.extract import plan_extract
    from humandata.pipelines.recipe import load_recipe
    from humandata.report.sources import print_plans, print_summaries

    declared = list(changes or [])
    declared += [f"camera.motion={camera.value}"] if camera is not None else []
    declared += [f"camera.horizontal_fov_deg={fov}"] if fov is not None else []
    declared += [f"person.hand_length_m={hand_length}"] if hand_length is not None else []
    declared += [f"detect.estimator={estimator}"] if estimator is not None else []
    loaded = load_recipe(recipe, declared)
    if dry_run:
        plans = plan_extract(videos, out, loaded, name)
        needed = estimate([item for plan in plans for item in plan.pending], out, loaded, workers or count_cores())
        print_plans(plans, as_json, needed)
        return
    summaries = run_extract(
        videos,
        out,
        loaded,
        name=name,
        num_workers=workers,
        address=address,
        gpus_per_worker=gpus_per_worker,
    )
    raise typer.Exit(print_summaries(summaries, as_json))


@app.command()
def ingest(
    dataset: Annotated[Path, typer.Argument(help="A LeRobot v3 folder, or a robomimic HDF5 file.")],
    out: Out = Path("shards"),
    name: Name = None,
    embodiment: Annotated[
        str | None,
        typer.Option(
            "--embodiment",
            help="The robot, such as franka_panda, where the dataset does not say it or is not believed.",
        ),
    ] = None,
    camera: Annotated[
        str | None,
        typer.Option("--camera", help="The primary camera, by its name there; default: one that sees the whole scene."),
    ] = None,
    state_names: Annotated[
        str | None, typer.Option("--state-names", help="Names of the state's dimensions: x,y,z,roll,pitch,yaw,gripper")
    ] = None,
    workers: Workers = None,
    address: Address = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Turn a robot dataset into a source of the same shards."""
    from humandata.pipelines.ingest import ingest as run_ingest
    from humandata.pipelines.ingest import plan_ingest
    from humandata.readers.conversion import IngestRecipe
    from humandata.report.sources import print_plans, print_summaries

    recipe = IngestRecipe(
        embodiment=embodiment, camera=camera, state_names=tuple(state_names.split(",")) if state_names else ()
    )
    if dry_run:
        print_plans([plan_ingest(dataset, out, recipe, name)], as_json)
        return
    summary = run_ingest(dataset, out, recipe, name=name, num_workers=workers, address=address)
    raise typer.Exit(print_summaries([summary], as_json))


app.command()(mix)


@app.command()
def train(
    mixture: Annotated[Path, typer.Argument(help="The manifest that `humandata mix` wrote.")] = Path("mixture.json"),
    out: Annotated[Path, typer.Option("--out", help="Folder of runs.")] = Path("runs"),
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the run; default: after the policy and the mixture.")
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option("--steps", min=1, help="Optimiser steps; default: 450, as suits the demo's little data."),
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", help="cpu, cuda, or auto (the default): cuda where there is a GPU.")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Change another setting: learning_rate=3e-4; may be given several times. There are policy, "
            "learning_rate, warmup_steps, weight_decay, average_decay, seed, checkpoint_every, workers.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Train the reference policy on a mixture; the same command goes on after an interruption."""
    from humandata.report.training import run_training
    from humandata.schemas.changes import apply_changes
    from humandata.training.settings import make_settings

    given: dict[str, Any] = {} if steps is None else {"steps": steps}
    given |= {} if device is None else {"device": device}
    settings = make_settings(apply_changes(given, changes or ()))
    raise typer.Exit(run_training(mixture, out, name, settings, as_json))


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder to render into.")] = Path(),
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Processes; default: one a core.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another one renders another world.")] = 0,
) -> None:
    """Render input for the whole road: videos of a person, robot datasets, and their truth."""
    from humandata.demo import render_demo

    render_demo(out, workers, seed)


@app.command()
def validate(
    path: Annotated[Path, typer.Argument(help="A shard folder, a source in it, or a mixture.")] = Path("shards"),
    as_json: Json = False,
) -> None:
    """Check schema, checksums, timestamps, rotations, masks; of a mixture, its shards and its ratios."""
    from humandata.report.validation import print_problems, validate_path

    raise typer.Exit(print_problems(validate_path(path), as_json))


@app.command()
def inspect(
    path: Annotated[Path, typer.Argument(help="A shard folder, a source in it, or a mixture.")] = Path("shards"),
    episode: Annotated[str | None, typer.Argument(help="An episode's id, with a source as PATH.")] = None,
    as_json: Json = False,
) -> None:
    """Summarise a source, an episode or a mixture."""
    from humandata.report.console import print_json
    from humandata.report.inspect import print_summary, summarise

    summary = summarise(path, episode)
    print_json(summary) if as_json else print_summary(summary)


@app.command()
def overlay(
    source: Annotated[Path, typer.Argument(help="A source, such as shards/videos, or a finished run.")],
    episode: Annotated[str | None, typer.Argument(help="An episode's id; default: the first one.")] = None,
    out: Annotated[Path, typer.Option("--out", help="A .png (a sheet of frames) or .mp4 (all of them).")] = Path(
        "overlay.png"
    ),
    frames: Annotated[int, typer.Option("--frames", min=1, help="Frames on a sheet.")] = 9,
) -> None:
    """Draw a stored trajectory back on its frames; of a run, what its policy predicts on held-out ones."""
    from humandata.report.draw import draw_picture

    typer.echo(f"drawn: {draw_picture(source, episode, out, frames)}")


@app.command()
def models(
    fetch: Annotated[bool, typer.Option("--fetch", help="Fetch what is missing or damaged.")] = False,
    as_json: Json = False,
) -> None:
    """List the model files that estimators need, and verify or fetch them."""
    from humandata.doctor import print_models
    from humandata.hands.hamer_files import list_hamer_models
    from humandata.hands.weights import fetch as fetch_model
    from humandata.hands.weights import list_models
    from humandata.report.console import print_json

    for status in list_models() if fetch else ():
        if status.state in {"missing", "corrupted"}:
            fetch_model(status.name)
    statuses = list_models()
    shown = [*statuses, *list_hamer_models()]
    print_json([{**vars(each), "path": str(each.path)} for each in shown]) if as_json else print_models(shown)
    raise typer.Exit(int(any(each.state in {"missing", "corrupted"} for each in statuses)))


@app.command()
def doctor(as_json: Json = False) -> None:
    """Say what this machine lacks, and the exact line that mends it."""
    from humandata.doctor import diagnose, print_checks
    from humandata.report.console import print_json

    checks = diagnose()
    print_json([vars(check) for check in checks]) if as_json else print_checks(checks)
    raise typer.Exit(int(not all(check.ok or check.optional for check in checks)))


@bench.command()
def accuracy(
    quick: Annotated[bool, typer.Option("--quick", help="Half of the scenarios, one person, short clips.")] = False,
    seeds: Annotated[
        _Seeds, typer.Option("--seeds", help="dev: what thresholds are chosen on; report: what figures are given on.")
    ] = _Seeds.REPORT,
    as_json: Json = False,
) -> None:
    """Compare trajectories with the truth of rendered clips, beside MediaPipe and solvePnP frame by frame."""
    from humandata.bench.run import run_accuracy

    run_accuracy(seeds.value, quick=quick, as_json=as_json)
