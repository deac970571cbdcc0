"""Building the manifest of everything below some shard folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from humandata import __version__
from humandata.dataset.read import ShardSource, find_sources
from humandata.errors import HumandataError, UsageError
from humandata.mixtures.groups import group_of, group_ratios, nothing_eligible
from humandata.mixtures.manifest import relative_path
from humandata.mixtures.options import MixOptions
from humandata.mixtures.packs import CACHE_FOLDER
from humandata.mixtures.step_index import SPAN_SCHEMA, StepIndex, index_bytes, index_record
from humandata.mixtures.survey import EmbodimentSketch, Survey, survey
from humandata.schemas.columns import SCHEMA_VERSION
from humandata.schemas.mixture import EmbodimentStatistics, Mixture, MixtureSource, Selection, Split


@dataclass(frozen=True)
class BuiltMixture:
    """A manifest, its companion file, and its sources in its order."""

    mixture: Mixture
    index: bytes
    sources: tuple[ShardSource, ...]


def build_mixture(
    shards: Sequence[Path],
    options: MixOptions,
    folder: Path,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> BuiltMixture:
    """The manifest, to lie in `folder`, of every source below `shards`.

    What is measured of each source is kept there for the next mixture of it. `progress` is called with the
    number of episodes that are done, and of all. Raises UsageError for an option that is wrong, and DatasetError where
    a group that the ratio asks for has no source or no eligible step.
    """
    sources = _find(shards)
    options.check(source.document.name for source in sources)
    ratios = group_ratios({group_of(source) for source in sources}, options.robot_ratio, shards)
    sources = [source for source in sources if group_of(source) in ratios]
    total = sum(source.document.counts.episodes for source in sources)
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        progress(done, total)

    sketches: dict[str, EmbodimentSketch] = {}
    members: list[MixtureSource] = []
    parts: list[pa.Table] = []
    for source in sources:
        found = survey(source, options, folder / CACHE_FOLDER, advance)
        members.append(_member(source, found, options, folder))
        parts.append(_numbered(found.spans, len(parts)))
        for name, sketch in found.sketches.items():
            sketches.setdefault(name, EmbodimentSketch()).merge(sketch)
    for group in ratios:
        if not any(member.group == group and member.training.num_steps for member in members):
            raise _nothing_eligible(group, sources, options)
        if not any(member.group == group and member.training.num_steps and member.weight for member in members):
            raise UsageError(
                f"every {group} source that has eligible steps has the weight 0; give one a weight above 0."
            )
    normalization = {
        name: EmbodimentStatistics(state=sketches[name].state.statistics(), action=sketches[name].action.statistics())
        for name in sorted(sketches)
    }
    index = index_bytes(parts)
    mixture = Mixture(
        schema_version=SCHEMA_VERSION,
        tool_version=__version__,
        groups=ratios,
        batch_size=options.batch_size,
        seed=options.seed,
        max_repeats=options.max_repeats,
        action_space=options.action_space,
        image_size_px=options.image_size_px,
        image_fit=options.image_fit,
        selection=Selection(where=options.where, tasks=options.tasks),
        split=Split(held_out_fraction=options.held_out_fraction),
        index=index_record(index),
        sources=tuple(members),
        normalization=normalization,
    )
    return BuiltMixture(mixture, index, tuple(sources))


def _nothing_eligible(group: str, sources: Sequence[ShardSource], options: MixOptions) -> HumandataError:
    if options.where is not None or options.tasks:
        asked = " ".join(
            [f"--where {options.where!r}"] * (options.where is not None)
            + [f"--tasks {each!r}" for each in options.tasks]
        )
        return UsageError(
            f"no {group} step is left by {asked}; ask for less, or see the episodes with `humandata inspect`."
        )
    return nothing_eligible(group, [source for source in sources if group_of(source) == group])


def _member(source: ShardSource, found: Survey, options: MixOptions, folder: Path) -> MixtureSource:
    name = source.document.name
    spans = StepIndex(found.spans, 1)
    training = spans.counts(0, held_out=False)
    return MixtureSource(
        name=name,
        path=relative_path(source.path, folder),
        fingerprint=source.document.fingerprint,
        group=group_of(source),
        weight=options.weights.get(name, _weight(training.num_steps, options.size_alpha)),
        slowdown=options.slowdowns.get(name, 1.0),
        static_camera=name in options.static_cameras,
        mask_rotation=name in options.mask_rotations,
        median_speed=found.median_speed,
        training=training,
        held_out=spans.counts(0, held_out=True),
    )


def _weight(num_steps: int, size_alpha: float) -> float:
    """A source's share within its group: steps^alpha, to six digits, so that it reads well in the manifest."""
    return float(num_steps) if size_alpha == 1.0 or not num_steps else float(f"{num_steps**size_alpha:.6g}")


def _numbered(spans: pa.Table, source: int) -> pa.Table:
    return spans.set_column(0, SPAN_SCHEMA.field("source"), pa.array(np.full(spans.num_rows, source, np.int32)))


def _find(shards: Sequence[Path]) -> list[ShardSource]:
    """The sources of all shard folders; a source named twice by its folders counts once."""
    found = {source.path.resolve(): source for shard in shards for source in find_sources(shard)}
    counts = Counter(source.document.name for source in found.values())
    for name, count in counts.items():
        if count > 1:
            paths = ", ".join(str(source.path) for source in found.values() if source.document.name == name)
            raise UsageError(f"{count} sources are named '{name}' ({paths}); a mixture knows its sources by name.")
    return list(found.values())
