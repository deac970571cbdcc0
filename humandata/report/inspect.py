"""A readable summary of a shard folder, a source, an episode or a mixture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from humandata.dataset.read import ShardSource, find_sources, open_source
from humandata.dataset.records import read_quarantine
from humandata.embodiments.grip_events import grip_events
from humandata.errors import UsageError, typed
from humandata.filters import setting_names
from humandata.geometry.cameras import Camera
from humandata.report.console import failure_line, print_line, print_table
from humandata.schemas.episode import ArmTrack
from humandata.schemas.landmarks import SIDES
from humandata.schemas.mixture import read_mixture
from humandata.storage import is_remote

if TYPE_CHECKING:
    import polars as pl

_PROVENANCE = ("world_frame", "camera_motion", "camera_decided_by", "scale", "intrinsics", "estimator")
"""Columns that are counted; a source written by an older version may lack some."""

MOST_ROWS = 20
"""Episodes, and rejected stretches, shown of a source; the rest is counted."""


def summarise(path: Path, episode_id: str | None = None) -> dict[str, Any]:
    """What lies at a path, as data; raises UsageError where it is nothing that can be summarised."""
    if path.suffix == ".json" and path.name != "source.json":
        if episode_id is not None:
            raise UsageError(f"{path}: a mixture has no episodes of its own. Give the source that holds the episode.")
        return {"mixture": read_mixture(path).model_dump(mode="json")}
    if not is_remote(path) and not path.exists():
        raise UsageError(f"{path}: no such file or folder. Give a shard folder, a source in it, or a mixture.")
    if (path / "run.json").exists():
        raise UsageError(
            f"{path}: a run of `humandata train`. `humandata overlay {typed(path)}` draws what its policy predicts, "
            "its errors are in evaluation.json there."
        )
    folder = path.parent if path.name == "source.json" else path
    if episode_id is not None:
        return {"episode": summarise_episode(open_source(folder), episode_id)}
    return {"sources": [summarise_source(source) for source in find_sources(folder)]}


def summarise_source(source: ShardSource) -> dict[str, Any]:
    """Counts, provenance, quality, reasons for rejection and failures of one source, and its episodes."""
    import polars as pl  # a tenth of a second, which `humandata --help` must not pay

    table, rejected = source.episodes(), source.rejected()
    frame = pl.DataFrame(table.drop_columns(["quality"]))
    return {
        "name": source.document.name,
        "path": str(source.path),
        "kind": source.document.kind,
        "format": source.document.format,
        "embodiments": list(source.document.embodiments),
        "cameras": list(source.document.cameras),
        "recipe": f"{source.document.recipe.name} {source.document.recipe.sha256[:12]}",
        "counts": source.document.counts.model_dump(),
        "provenance": {key: _counts(frame[key]) for key in _PROVENANCE if key in frame.columns},
        "tasks": _counts(frame["task"]),
        "quality": _medians(table["quality"].to_pylist(maps_as_pydicts="strict")),
        "rejected": rejected.to_pylist(),
        "quarantined": {record.input: record.error for record in read_quarantine(source.path)},
        "episodes": table.to_pylist(maps_as_pydicts="strict"),
    }


def summarise_episode(source: ShardSource, episode_id: str) -> dict[str, Any]:
    """Spans, validity, uncertainty and grips of one episode's arms."""
    episode = source.read_episode(episode_id, images=False)
    seconds = (episode.timestamp_ns[-1] - episode.timestamp_ns[0]) / 1e9
    arms = {}
    for side, arm in episode.arms.items():
        position = arm.T_world_ee[arm.valid, :3, 3]
        arms[side] = {
            "valid": float(arm.valid.mean()),
            "interpolated": float(arm.interpolated.mean()),
            "confidence": float(np.nanmean(arm.confidence)),
            "lowest_m": position.min(axis=0).round(4).tolist(),
            "highest_m": position.max(axis=0).round(4).tolist(),
            "gripper_opening": [round(float(end(arm.gripper_opening)), 4) for end in (np.nanmin, np.nanmax)],
            "grips": grip_events(arm.gripper_opening).count("close"),
            **_uncertainty(arm),
        }
    return {
        "id": episode.id,
        "task": episode.task,
        "input": episode.input,
        "embodiment": episode.embodiment,
        "steps": episode.num_steps,
        "seconds": seconds,
        "rate_hz": episode.rate_hz,
        "camera": None if episode.camera is None else _camera_in_words(episode.camera),
        "provenance": vars(episode.provenance),
        "quality": episode.quality,
        "arms": arms,
    }


def print_summary(summary: dict[str, Any]) -> None:
    """Print what `summarise` found."""
    if "mixture" in summary:
        _print_mixture(summary["mixture"])
    elif "episode" in summary:
        _print_episode(summary["episode"])
    else:
        for source in summary["sources"]:
            _print_source(source)


def _print_source(source: dict[str, Any]) -> None:
    counts = source["counts"]
    rows: list[tuple[str, object]] = [
        ("kind", ", ".join([f"{source['kind']} ({source['format']})", *source["embodiments"]])),
        ("inputs", f"{counts['inputs']} finished, {counts['quarantined']} quarantined"),
        ("episodes", f"{counts['episodes']} kept, {counts['rejected']} rejected"),
        ("steps", f"{counts['steps']} in {counts['seconds'] / 60:.1f} min"),
        ("cameras", ", ".join(source["cameras"])),
        ("recipe", source["recipe"]),
        *((key.replace("_", " "), _counted(values)) for key, values in source["provenance"].items()),
        ("quality, medians", ", ".join(f"{name} {value:.3g}" for name, value in source["quality"].items())),
        ("rejected by", _counted(Counter(row["rule"] for row in source["rejected"]))),
    ]
    print_table(f"{source['name']}  {source['path']}", ["", ""], [(key, value) for key, value in rows if value])
    shown = [
        [row[column] for column in ("id", "task", "input", "num_steps", "rate_hz")]
        + [f"{row[f'{side}_valid_fraction']:.0%}" for side in SIDES]
        for row in source["episodes"][:MOST_ROWS]
    ]
    if shown:
        print_table("episodes, and where each arm is known", ["id", "task", "input", "steps", "Hz", *SIDES], shown)
    if len(source["episodes"]) > MOST_ROWS:
        print_line(f"... and {len(source['episodes']) - MOST_ROWS} more (--json lists all)")
    _print_rejected(source["rejected"])
    for name, error in source["quarantined"].items():
        print_line(f"quarantined {failure_line(name, error)}")


def _print_rejected(stretches: list[dict[str, Any]]) -> None:
    rows = [
        (
            row["input"],
            round(row["start_ns"] / 1e9, 1),
            round(row["end_ns"] / 1e9, 1),
            row["rule"],
            row["reason"],
            round(row["value"], 3),
            round(row["limit"], 3),
        )
        for row in stretches[:MOST_ROWS]
    ]
    if rows:
        print_table("rejected", ["input", "from, s", "to, s", "by", "why", "value", "limit"], rows)
    if len(stretches) > MOST_ROWS:
        print_line(f"... and {len(stretches) - MOST_ROWS} more (--json lists all)")
    for rule in sorted({row["rule"] for row in stretches}):
        if names := setting_names(rule):
            print_line(
                f"to judge by another limit, extract again with `--set filters.{rule}.SETTING=X`; SETTING is one of "
                f"{', '.join(names)}"
            )


def _print_episode(episode: dict[str, Any]) -> None:
    plain = [(key, value) for key, value in episode.items() if not isinstance(value, dict)]
    nested = [(key, value) for group in ("provenance", "quality") for key, value in episode[group].items()]
    print_table(f"episode {episode['id']}", ["", ""], plain + nested)
    measures = list(next(iter(episode["arms"].values()), {}))
    rows = [[measure, *(arm.get(measure) for arm in episode["arms"].values())] for measure in measures]
    print_table("arms", ["", *episode["arms"]], rows)


def _print_mixture(mixture: dict[str, Any]) -> None:
    ratios = ", ".join(f"{group} {ratio:g}" for group, ratio in mixture["groups"].items())
    space = mixture["action_space"]
    of_unit = "" if mixture["unit"] == "samples" else f" of {mixture['unit']}"
    print_line(f"batches of {mixture['batch_size']}: {ratios}{of_unit}; seed {mixture['seed']}")
    if mixture["curriculum"] is not None:
        points = ", ".join(f"{point['sample']}:{point['ratio']:g}" for point in mixture["curriculum"]["points"])
        print_line(f"curriculum of {mixture['curriculum']['group']}, by sample: {points}")
    print_line(
        f"chunks of {space['horizon']} steps at {space['rate_hz']:g} Hz, human gripper: {space['human_gripper']}"
    )
    rows = [
        [
            *(source[column] for column in ("name", "group", "weight", "median_speed")),
            f"{source['training']['num_steps']} + {source['held_out']['num_steps']}",
            ", ".join(_declared(source)) or "-",
        ]
        for source in mixture["sources"]
    ]
    header = ["source", "group", "weight", "m/s", "steps", "declared"]
    print_table("sources (m/s: median as recorded; steps: + held out)", header, rows)


def _declared(source: dict[str, Any]) -> Iterator[str]:
    """What the user of `mix` said of a source, in words."""
    if source["slowdown"] != 1.0:
        yield f"slowed x{source['slowdown']:g}"
    if source["static_camera"]:
        yield "static camera"
    if source["mask_rotation"]:
        yield "rotation masked"


def _camera_in_words(camera: Camera) -> str:
    """Size, focal length, principal point and lens of the camera of the stored image."""
    lens = "no distortion"
    if camera.distortion is not None:
        lens = f"{camera.distortion.model} {', '.join(f'{value:.4g}' for value in camera.distortion.coefficients)}"
    focal = f"focal length {camera.fx:.1f}, {camera.fy:.1f} px, centre {camera.cx:.1f}, {camera.cy:.1f} px"
    return f"{camera.width}x{camera.height}, {focal}, {lens}"


def _uncertainty(arm: ArmTrack) -> dict[str, list[float]]:
    """Of a hand's wrist, the median over the steps of its standard deviation to the right, down and away."""
    if arm.hand is None or not np.isfinite(arm.hand.wrist_sigma_m).any():
        return {}
    return {"wrist_sigma_m": np.nanmedian(arm.hand.wrist_sigma_m, axis=0).round(4).tolist()}


def _medians(episodes: Sequence[dict[str, float]]) -> dict[str, float]:
    """Of each figure of quality, over the episodes that have it."""
    names = dict.fromkeys(name for quality in episodes for name in quality)
    return {name: float(np.median([quality[name] for quality in episodes if name in quality])) for name in names}


def _counts(column: pl.Series) -> dict[str, int]:
    """How often each value occurs, most frequent first; missing ones as "-"."""
    return dict(column.cast(str).fill_null("-").value_counts(sort=True).iter_rows())


def _counted(values: dict[str, int]) -> str:
    """In words; empty where nothing is known of any."""
    if set(values) <= {"-"}:
        return ""
    return ", ".join(f"{'not stated' if name == '-' else name} ({num})" for name, num in values.items())
