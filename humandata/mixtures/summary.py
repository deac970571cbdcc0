"""What a mixture amounts to, in figures and warnings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from rich.box import SIMPLE
from rich.table import Table

from humandata.dataset.read import ShardSource
from humandata.errors import UsageError
from humandata.mixtures.advice import (
    left_out_warnings,
    repeats_warnings,
    source_warnings,
    speed_warnings,
    statistics_warnings,
    task_warnings,
)
from humandata.mixtures.groups import kind_of
from humandata.mixtures.options import HUMAN
from humandata.mixtures.shares import STEPS_OF_REPORT, source_shares
from humandata.mixtures.step_index import StepIndex
from humandata.schemas.mixture import Mixture, MixtureSource, Selection

_COLUMNS = ["id", "task", "start_ns", "end_ns", "world_frame", "camera_motion", "scale", "intrinsics", "estimator"]


@dataclass(frozen=True)
class SourceSummary:
    """One source of a mixture."""

    name: str
    group: str
    share: float
    """Of the samples of STEPS_OF_REPORT training steps."""
    training_episodes: int
    held_out_episodes: int
    training_steps: int
    hours: float
    """Duration of the episodes that take part."""
    epochs: float
    """Passes in STEPS_OF_REPORT training steps."""
    repeats: float
    """Passes for each pass over the source that is passed least."""
    median_speed: float | None
    """Of the end effectors as played, in m/s."""
    slowdown: float
    masked: tuple[str, ...]
    """What is never used of its actions: gripper, rotation."""
    scale: tuple[str, ...]
    intrinsics: tuple[str, ...]
    camera_motion: tuple[str, ...]


@dataclass(frozen=True)
class MixtureSummary:
    """A mixture as `mix` and `inspect` report it."""

    manifest_sha256: str
    unit: str
    """Of the ratios."""
    groups: dict[str, float]
    """Ratios; where there is a curriculum, after its last point."""
    curriculum: dict[str, Any] | None
    samples: dict[str, float]
    """Share of the samples by group, of STEPS_OF_REPORT training steps."""
    batch_size: int
    sources: tuple[SourceSummary, ...]
    warnings: tuple[str, ...]


def summarise(
    mixture: Mixture, sources: Sequence[ShardSource], index: StepIndex, left_out: Sequence[str] = ()
) -> MixtureSummary:
    """Figures and warnings of a mixture, of which `sources` are the sources opened, in its order.

    `left_out` are sources whose group has the ratio 0. The tables of episodes are read one after the other, as there
    may be many.
    """
    shares = source_shares(mixture)
    repeats = source_repeats(mixture)
    kinds = [kind_of(source) for source in sources]
    summaries: list[SourceSummary] = []
    advice: list[str] = []
    tasks: dict[str, set[str]] = {}
    for number, (member, source) in enumerate(zip(mixture.sources, sources, strict=True)):
        episodes = source.episodes(_COLUMNS)
        taking_part = index.episodes(number)
        used = episodes.filter(pc.is_in(episodes.column("id"), value_set=taking_part))
        summaries.append(
            _summarise_source(mixture, member, kinds[number], episodes, used, shares[number], repeats[number])
        )
        tasks.setdefault(member.group, set()).update(pc.unique(used.column("task")).drop_null().to_pylist())
        advice += source_warnings(member, episodes, set(taking_part.to_pylist()), mixture.selection != Selection())
    return MixtureSummary(
        manifest_sha256=mixture.manifest_sha256,
        unit=mixture.unit,
        groups=dict(mixture.groups),
        curriculum=None if mixture.curriculum is None else mixture.curriculum.model_dump(mode="json"),
        samples={
            group: sum(each.share for each in summaries if each.group == group) for group in sorted(mixture.groups)
        },
        batch_size=mixture.batch_size,
        sources=tuple(summaries),
        warnings=(
            *left_out_warnings(left_out),
            *speed_warnings(mixture.sources, kinds),
            *repeats_warnings(mixture.sources, repeats),
            *task_warnings(tasks),
            *statistics_warnings(mixture),
            *advice,
        ),
    )


def source_repeats(mixture: Mixture) -> list[float]:
    """How often each source is passed for each pass over the source passed least, in STEPS_OF_REPORT training steps.

    0 for a source that is not drawn from.
    """
    passes = [
        share / source.training.num_steps if share else 0.0
        for share, source in zip(source_shares(mixture), mixture.sources, strict=True)
    ]
    least = min(rate for rate in passes if rate > 0.0)
    return [rate / least for rate in passes]


def check_repeats(mixture: Mixture) -> None:
    """Raise UsageError where a source is repeated more often than the mixture's `max_repeats` allows."""
    for source, repeats in zip(mixture.sources, source_repeats(mixture), strict=True):
        if repeats > mixture.max_repeats:
            raise UsageError(
                f"source '{source.name}' ({source.training.num_steps} steps) would be passed {repeats:.0f} times for "
                f"each pass over the source passed least, and max_repeats is {mixture.max_repeats:g}. Add data to it, "
                f"lower its share, or allow it: `--max-repeats {repeats * 1.1:.0f}`."
            )


def summary_table(summary: MixtureSummary) -> Table:
    """The sources as a table for the terminal."""
    table = Table(
        title=f"mixture {summary.manifest_sha256[:12]}, batches of {summary.batch_size}",
        caption=(
            f"share: of samples; episodes: + held out; epochs: in {STEPS_OF_REPORT:,} training steps of "
            f"{summary.batch_size} samples; m/s: median as played"
        ),
        box=SIMPLE,
        pad_edge=False,
        padding=0,
    )
    table.add_column("source", overflow="fold")
    for heading in ("share", "steps", "episodes", "hours", "epochs", "m/s"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("masked", no_wrap=True)
    table.add_column("scale\nintrinsics\ncamera", overflow="fold")
    for source in summary.sources:
        table.add_row(
            f"{source.name}\n{source.group}",
            f"{source.share:.1%}",
            str(source.training_steps),
            f"{source.training_episodes} + {source.held_out_episodes}",
            f"{source.hours:.2f}",
            f"{source.epochs:,.1f}" if source.epochs < 100 else f"{source.epochs:,.0f}",
            _played_speed(source),
            "\n".join(source.masked) or "-",
            "\n".join("/".join(names) or "-" for names in (source.scale, source.intrinsics, source.camera_motion)),
        )
    return table


def _summarise_source(
    mixture: Mixture,
    member: MixtureSource,
    kind: str,
    episodes: pa.Table,
    used: pa.Table,
    share: float,
    repeats: float,
) -> SourceSummary:
    """Of a source's episodes, and of those among them that take part."""
    nanoseconds = pc.sum(pc.subtract(used.column("end_ns"), used.column("start_ns"))).as_py() or 0
    masked = ["gripper"] if kind == HUMAN and mixture.action_space.human_gripper == "mask" else []
    return SourceSummary(
        name=member.name,
        group=member.group,
        share=share,
        training_episodes=member.training.num_episodes,
        held_out_episodes=member.held_out.num_episodes,
        training_steps=member.training.num_steps,
        hours=nanoseconds / 3.6e12,
        epochs=share * mixture.batch_size * STEPS_OF_REPORT / member.training.num_steps if share else 0.0,
        repeats=repeats,
        median_speed=member.median_speed,
        slowdown=member.slowdown,
        masked=(*masked, *(["rotation"] if member.mask_rotation else [])),
        scale=_distinct(episodes, "scale"),
        intrinsics=_distinct(episodes, "intrinsics"),
        camera_motion=("declared static",) if member.static_camera else _distinct(episodes, "camera_motion"),
    )


def _played_speed(source: SourceSummary) -> str:
    speed = "-" if source.median_speed is None else f"{source.median_speed:.3f}"
    return speed if source.slowdown == 1.0 else f"{speed}\nslowed x{source.slowdown:g}"


def _distinct(episodes: pa.Table, column: str) -> tuple[str, ...]:
    return tuple(sorted(set(episodes.column(column).to_pylist()) - {None}))
