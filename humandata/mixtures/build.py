"""Building the manifest of some inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from humandata import __version__
from humandata.actions import TIMESTAMP_TOLERANCE_NS
from humandata.dataset.read import ShardSource
from humandata.errors import HumandataError, UsageError
from humandata.mixtures.groups import group_of, group_ratios, make_curriculum, nothing_eligible
from humandata.mixtures.inputs import find_inputs
from humandata.mixtures.manifest import relative_path
from humandata.mixtures.options import MixOptions
from humandata.mixtures.packs import CACHE_FOLDER
from humandata.mixtures.shares import default_weight, size_in
from humandata.mixtures.split import held_out_tasks
from humandata.mixtures.step_index import SPAN_SCHEMA, StepIndex, index_bytes, index_record
from humandata.mixtures.survey import EmbodimentSketch, Survey, survey
from humandata.schemas.columns import SCHEMA_VERSION
from humandata.schemas.mixture import ActionSpace, EmbodimentStatistics, Mixture, MixtureSource, Selection, Split


@dataclass(frozen=True)
class BuiltMixture:
    """A manifest, its companion file, and its sources in its order."""

    mixture: Mixture
    index: bytes
    sources: tuple[ShardSource, ...]
    left_out: tuple[str, ...]
    """Sources of groups whose ratio is 0."""


def build_mixture(
    inputs: Sequence[Path],
    options: MixOptions,
    folder: Path,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> BuiltMixture:
    """The manifest, to lie in `folder`, of every source of the inputs (`find_inputs`).

    What is measured of each source is kept there for the next mixture of it. `progress` is called with the
    number of episodes that are done, and of all. Raises UsageError for an option that is wrong, and DatasetError where
    a group that the ratio asks for has no source or no eligible step.
    """
    sources = find_inputs(inputs)
    options.check(source.document.name for source in sources)
    present = {group_of(source, options) for source in sources}
    curriculum = make_curriculum(present, options, inputs)
    last_point = None if curriculum is None else curriculum.ratios(curriculum.points[-1].ratio)
    ratios = last_point or group_ratios(present, options.asked_ratios, inputs)
    left_out = tuple(source.document.name for source in sources if group_of(source, options) not in ratios)
    sources = [source for source in sources if source.document.name not in left_out]
    _check_horizon(sources, options)
    sketches: dict[str, EmbodimentSketch] = {}
    members: list[MixtureSource] = []
    parts: list[pa.Table] = []
    for source, found in _survey_all(sources, options, folder / CACHE_FOLDER, progress):
        members.append(_member(source, found, options, folder))
        parts.append(_numbered(found.spans, len(parts)))
        for name, sketch in found.sketches.items():
            sketches.setdefault(name, EmbodimentSketch()).merge(sketch)
    for group in ratios:
        _check_drawn(group, [member for member in members if member.group == group], sources, options)
    index = index_bytes(parts)
    mixture = Mixture(
        schema_version=SCHEMA_VERSION,
        tool_version=__version__,
        unit=options.unit,
        groups=ratios,
        curriculum=curriculum,
        batch_size=options.batch_size,
        seed=options.seed,
        max_repeats=options.max_repeats,
        action_space=options.action_space,
        image_size_px=options.image_size_px,
        image_fit=options.image_fit,
        selection=Selection(where=options.where, tasks=options.tasks),
        split=Split(unit=options.split, held_out_fraction=options.held_out_fraction),
        index=index_record(index),
        sources=tuple(members),
        normalization=_normalization(sketches),
    )
    return BuiltMixture(mixture, index, tuple(sources), left_out)


def _check_horizon(sources: Sequence[ShardSource], options: MixOptions) -> None:
    """Raise UsageError where no episode is as long as a chunk, save for chunks that are no longer than by default."""
    horizon, default = options.action_space.horizon, ActionSpace().horizon
    if horizon <= default:
        return
    longest = max((_longest_chunk(source, options) for source in sources), default=0)
    if horizon > max(longest, default):
        raise UsageError(
            f"--horizon {horizon}: no episode is that long. At --rate {options.action_space.rate_hz:g} the longest one "
            f"has {longest} targets; ask for at most --horizon {max(longest, default)}, or for a lower --rate."
        )


def _longest_chunk(source: ShardSource, options: MixOptions) -> int:
    """The targets from the first step to the last of a source's longest episode, as it is played."""
    grid = options.grid(source.document.name)
    episodes = source.episodes(["start_ns", "end_ns"])
    duration_ns = pc.max(pc.subtract(episodes.column("end_ns"), episodes.column("start_ns"))).as_py() or 0
    return int((duration_ns + TIMESTAMP_TOLERANCE_NS) * 1e-9 * grid.rate_hz * grid.slowdown)


def _survey_all(
    sources: Sequence[ShardSource], options: MixOptions, cache: Path, progress: Callable[[int, int], None]
) -> Iterator[tuple[ShardSource, Survey]]:
    """Each source with its survey, one after the other: of thousands, the sketches are best not held all at once."""
    tasks = held_out_tasks(sources, options)
    total = sum(source.document.counts.episodes for source in sources)
    done = count(1)
    for source in sources:
        yield source, survey(source, options, cache, lambda: progress(next(done), total), tasks)


def _normalization(sketches: Mapping[str, EmbodimentSketch]) -> dict[str, EmbodimentStatistics]:
    """The figures of each embodiment, in order of name."""
    return {
        name: EmbodimentStatistics(state=sketch.state.statistics(), action=sketch.action.statistics())
        for name, sketch in sorted(sketches.items())
    }


def _check_drawn(
    group: str, members: Sequence[MixtureSource], sources: Sequence[ShardSource], options: MixOptions
) -> None:
    """Raise what is wrong where no training step of a group can be drawn."""
    if any(member.training.num_steps and member.weight for member in members):
        return
    if any(member.training.num_steps for member in members):
        raise UsageError(f"every {group} source that has eligible steps has the weight 0; give one a weight above 0.")
    if any(member.held_out.num_steps for member in members):
        raise UsageError(
            f"every {group} {options.split} is held out; lower --held-out, or split by something else than "
            f"--split {options.split}."
        )
    raise _nothing_eligible(group, sources, options)


def _nothing_eligible(group: str, sources: Sequence[ShardSource], options: MixOptions) -> HumandataError:
    if options.where is not None or options.tasks:
        asked = " ".join(
            [f"--where {options.where!r}"] * (options.where is not None)
            + [f"--tasks {each!r}" for each in options.tasks]
        )
        return UsageError(
            f"no {group} step is left by {asked}; ask for less, or see the episodes with `humandata inspect`."
        )
    return nothing_eligible(group, [source for source in sources if group_of(source, options) == group])


def _member(source: ShardSource, found: Survey, options: MixOptions, folder: Path) -> MixtureSource:
    name = source.document.name
    spans = StepIndex(found.spans, 1)
    training = spans.counts(0, held_out=False)
    rate_hz = _rate_hz(source, spans) if options.unit == "seconds" else None
    return MixtureSource(
        name=name,
        path=relative_path(source.path, folder),
        fingerprint=source.document.fingerprint,
        group=group_of(source, options),
        weight=options.weights.get(name, default_weight(size_in(options.unit, training, rate_hz), options.size_alpha)),
        slowdown=options.slowdowns.get(name, 1.0),
        static_camera=name in options.static_cameras,
        mask_rotation=name in options.mask_rotations,
        median_speed=found.median_speed,
        training=training,
        held_out=spans.counts(0, held_out=True),
        rate_hz=rate_hz,
    )


def _rate_hz(source: ShardSource, spans: StepIndex) -> float | None:
    """Training steps a second of recording, to six digits: the mean of the episodes' rates by duration."""
    part = spans.spans(0, held_out=False)
    episodes = source.episodes(["id", "rate_hz"])
    rates = dict(zip(episodes.column("id").to_pylist(), episodes.column("rate_hz").to_pylist(), strict=True))
    ids = spans.texts("episode", np.arange(part.start, part.stop))
    num_steps = spans.num_steps_of_spans(part)
    seconds = float(sum(num_steps / np.array([rates[each] for each in ids])))
    return float(f"{num_steps.sum() / seconds:.6g}") if seconds else None


def _numbered(spans: pa.Table, source: int) -> pa.Table:
    return spans.set_column(0, SPAN_SCHEMA.field("source"), pa.array(np.full(spans.num_rows, source, np.int32)))
