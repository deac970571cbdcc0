"""What a mixture is made of: shard folders, single sources, patterns of them, and other mixtures."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from humandata.dataset.read import ShardSource, find_sources
from humandata.errors import UsageError
from humandata.mixtures.manifest import reopen_member
from humandata.mixtures.options import MixOptions
from humandata.mixtures.shares import default_weight, size_in
from humandata.mixtures.terms import TERMS, term_value
from humandata.schemas.mixture import Mixture, read_mixture
from humandata.storage import is_remote


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
    shares_given = bool({"robot_ratio", "ratios", "curriculum"} & given.keys())
    agreed = _agreed({path: _general_terms(mixture, shares_given) for path, mixture in mixtures.items()}, given)
    members = {member.name: member for mixture in mixtures.values() for member in mixture.sources}
    return replace(
        agreed,
        groups={glob.escape(name): member.group for name, member in members.items()},
        weights=_chosen_weights(mixtures.values(), given),
        slowdowns={name: member.slowdown for name, member in members.items() if member.slowdown != 1.0},
        static_cameras=tuple(name for name, member in members.items() if member.static_camera),
        mask_rotations=tuple(name for name, member in members.items() if member.mask_rotation),
    )


def _general_terms(mixture: Mixture, shares_given: bool) -> MixOptions:
    """The terms of a manifest that hold for all its sources; without its ratios where the user gives others."""
    curriculum = None if shares_given else mixture.curriculum
    ratios = {} if shares_given else mixture.groups
    return MixOptions(
        ratios=curriculum.others if curriculum else ratios,
        curriculum=(curriculum.group, curriculum.points) if curriculum else None,
        unit=mixture.unit,
        batch_size=mixture.batch_size,
        action_space=mixture.action_space,
        image_size_px=mixture.image_size_px,
        image_fit=mixture.image_fit,
        held_out_fraction=mixture.split.held_out_fraction,
        split=mixture.split.unit,
        seed=mixture.seed,
        max_repeats=mixture.max_repeats,
        where=mixture.selection.where,
        tasks=mixture.selection.tasks,
    )


def _agreed(terms: Mapping[Path, MixOptions], given: Mapping[str, object]) -> MixOptions:
    """The terms of the first manifest; UsageError where another one differs in a term that is not given."""
    (first, agreed), *others = terms.items()
    for field, term in TERMS.items():
        value = term_value(agreed, field)
        for path, options in others:
            other = term_value(options, field)
            if other != value and field not in given:
                raise UsageError(
                    f"{first} and {path} differ in {term.name} ({value} and {other}); say which: {term.name}."
                )
    return agreed


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
