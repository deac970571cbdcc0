"""What a mixture is made of: shard folders, single sources, patterns of them, and other mixtures."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from humandata.dataset.read import ShardSource, find_sources
from humandata.errors import UsageError
from humandata.mixtures.manifest import reopen_member
from humandata.mixtures.options import MixOptions
from humandata.mixtures.shares import default_weight, size_in
from humandata.schemas.mixture import ActionSpace, Mixture, read_mixture
from humandata.storage import is_remote

Term = TypeVar("Term")


def find_inputs(inputs: Sequence[Path]) -> list[ShardSource]:
    """The sources of all inputs, as they are now; a source that is named twice counts once.

    An input is a shard folder, a source in one, a pattern (`shards/bridge*`) of either, or a manifest. Raises
    UsageError for a pattern that nothing matches and where two sources have the same name, DatasetError where a source
    is gone.
    """
    found: dict[Path, ShardSource] = {}
    for path in _matching(inputs):
        if _is_manifest(path):
            sources = [reopen_member(member, path.parent) for member in read_mixture(path).sources]
        else:
            sources = find_sources(path.parent if path.name == "source.json" else path)
        found |= {source.path if is_remote(source.path) else source.path.resolve(): source for source in sources}
    counts = Counter(source.document.name for source in found.values())
    for name, count in counts.items():
        if count > 1:
            paths = ", ".join(str(source.path) for source in found.values() if source.document.name == name)
            raise UsageError(f"{count} sources are named '{name}' ({paths}); a mixture knows its sources by name.")
    return list(found.values())


def inherited_options(inputs: Sequence[Path], given: Mapping[str, object]) -> MixOptions:
    """The options that manifests among the inputs were made with; the defaults where there is none.

    `given` are the fields that the user sets and that therefore need no agreement. Raises UsageError where two
    manifests differ in another one.
    """
    mixtures = {path: read_mixture(path) for path in _matching(inputs) if _is_manifest(path)}
    if not mixtures:
        return MixOptions()

    def agreed(field: str, option: str, of: Callable[[Mixture], Term]) -> Term:
        values = {path: of(mixture) for path, mixture in mixtures.items()}
        first = next(iter(values.values()))
        for path, value in values.items():
            if value != first and field not in given:
                raise UsageError(
                    f"{next(iter(values))} and {path} differ in {option} ({first} and {value}); say which: {option}."
                )
        return first

    ratios_given = bool({"robot_ratio", "ratios", "curriculum"} & given.keys())
    curricula = None if ratios_given else agreed("curriculum", "--curriculum", lambda each: each.curriculum)
    ratios = {} if ratios_given or curricula else agreed("ratios", "--ratio", lambda each: each.groups)
    members = {member.name: member for mixture in mixtures.values() for member in mixture.sources}
    return MixOptions(
        ratios=dict(curricula.others) if curricula else ratios,
        groups={glob.escape(name): member.group for name, member in members.items()},
        curriculum=(curricula.group, curricula.points) if curricula else None,
        unit=agreed("unit", "--unit", lambda each: each.unit),
        batch_size=agreed("batch_size", "--batch-size", lambda each: each.batch_size),
        action_space=ActionSpace(
            horizon=agreed("horizon", "--horizon", lambda each: each.action_space.horizon),
            rate_hz=agreed("rate_hz", "--rate", lambda each: each.action_space.rate_hz),
            human_gripper=agreed("human_gripper", "--human-gripper", lambda each: each.action_space.human_gripper),
        ),
        image_size_px=agreed("image_size_px", "the size of images", lambda each: each.image_size_px),
        image_fit=agreed("image_fit", "the fit of images", lambda each: each.image_fit),
        held_out_fraction=agreed("held_out_fraction", "--held-out", lambda each: each.split.held_out_fraction),
        split=agreed("split", "--split", lambda each: each.split.unit),
        seed=agreed("seed", "--seed", lambda each: each.seed),
        max_repeats=agreed("max_repeats", "--max-repeats", lambda each: each.max_repeats),
        weights=_chosen_weights(mixtures.values(), given),
        where=agreed("where", "--where", lambda each: each.selection.where),
        tasks=agreed("tasks", "--tasks", lambda each: each.selection.tasks),
        slowdowns={name: member.slowdown for name, member in members.items() if member.slowdown != 1.0},
        static_cameras=tuple(name for name, member in members.items() if member.static_camera),
        mask_rotations=tuple(name for name, member in members.items() if member.mask_rotation),
    )


def _chosen_weights(mixtures: Iterable[Mixture], given: Mapping[str, object]) -> dict[str, float]:
    """Weights that are not just the sources' sizes, which may have changed; none where sizes are to count otherwise."""
    if {"size_alpha", "unit"} & given.keys():
        return {}
    return {
        member.name: member.weight
        for mixture in mixtures
        for member in mixture.sources
        if member.training.num_steps
        and member.weight != default_weight(size_in(mixture.unit, member.training, member.rate_hz), 1.0)
    }


def _matching(inputs: Sequence[Path]) -> list[Path]:
    """The inputs with patterns replaced by the folders and manifests that match them, in order of name."""
    paths = []
    for path in inputs:
        if is_remote(path) or path.exists() or not glob.has_magic(str(path)):
            paths.append(path)
            continue
        matching = [Path(each) for each in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207
        if not matching:
            raise UsageError(f"{path}: matches nothing. Give shard folders, sources in them, or mixtures.")
        paths += matching
    return paths


def _is_manifest(path: Path) -> bool:
    return path.suffix == ".json" and path.name != "source.json"
