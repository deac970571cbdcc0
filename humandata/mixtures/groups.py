"""Groups of a mixture and their ratios: human and robot sources, or what the user makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from pydantic import ValidationError

from humandata.dataset.read import ShardSource
from humandata.embodiments import get_embodiment
from humandata.errors import DatasetError, UsageError, typed, unknown_name
from humandata.mixtures.options import HUMAN, ROBOT, MixOptions
from humandata.mixtures.shares import exact
from humandata.schemas.mixture import Curriculum

_HOW_TO_ADD = {
    HUMAN: "humandata extract VIDEOS --out {folder}",
    ROBOT: "humandata ingest DATASET --out {folder}",
}


def kind_of(source: ShardSource) -> str:
    """`human` or `robot`, by the bodies that act in a source; DatasetError where both do, or one is not known."""
    try:
        kinds = {get_embodiment(name).kind for name in source.document.embodiments}
    except UsageError as failure:
        raise DatasetError(f"{source.path}: {failure} Ingest it again with `--embodiment`.") from None
    if len(kinds) > 1:
        raise DatasetError(f"{source.path}: holds human and robot episodes; a mixture needs them as two sources.")
    return kinds.pop() if kinds else HUMAN if source.document.kind == "human_video" else ROBOT


def group_of(source: ShardSource, options: MixOptions) -> str:
    """The group that the user gives a source, else the kind of body that acts in it."""
    return options.group(source.document.name, kind_of(source))


def group_ratios(present: set[str], asked: Mapping[str, float], folders: Sequence[Path]) -> dict[str, float]:
    """The share of each group that is drawn from. What `asked` does not name shares the rest alike.

    Without a ratio all groups have the same share: human and robot half each, as in arXiv 2512.22414. Raises
    DatasetError where human or robot data is asked for that is not `present`, UsageError where ratios cannot be met.
    """
    asked = dict(asked)
    for one, other in ((ROBOT, HUMAN), (HUMAN, ROBOT)):
        if asked.keys() == {one} and present <= {HUMAN, ROBOT}:
            asked[other] = float(1 - exact(asked[one]))
    for group, ratio in asked.items():
        if group not in present and group in _HOW_TO_ADD and ratio > 0.0:
            raise _missing(group, ratio, asked, folders)
        if group not in present and group not in _HOW_TO_ADD:
            raise unknown_name("group", group, present)
    rest = 1 - sum(map(exact, asked.values()), Fraction(0))
    unnamed = sorted(present - asked.keys())
    if rest < 0 or (rest > 0 and not unnamed):
        total = ", ".join(f"{group} {ratio:g}" for group, ratio in asked.items())
        raise UsageError(
            f"the ratios ({total}) sum to {float(1 - rest):g}, not to 1, and no group is left to have the rest. "
            f"Groups: {', '.join(sorted(present))}."
        )
    ratios = asked | {group: float(rest / len(unnamed)) for group in unnamed}
    return {group: ratio for group, ratio in sorted(ratios.items()) if ratio > 0.0}


def make_curriculum(present: set[str], options: MixOptions, folders: Sequence[Path]) -> Curriculum | None:
    """The curriculum that is asked for: what its group leaves is shared by the others as their ratios say."""
    if options.curriculum is None:
        return None
    group, points = options.curriculum
    asked = options.asked_ratios
    if group in asked:
        raise UsageError(f"the ratio of '{group}' is given twice, by its curriculum and by itself; leave one out.")
    if group not in present:
        if group in _HOW_TO_ADD:
            raise _missing(group, max(point.ratio for point in points), asked, folders)
        raise unknown_name("group", group, present)
    if present == {group}:
        raise UsageError(f"there is no group besides '{group}', so its ratio cannot change.")
    total = sum(map(exact, asked.values()), Fraction(0))
    others = {name: float(exact(ratio) / total) for name, ratio in asked.items()} if total else {}
    others = group_ratios(present - {group}, others, folders)
    try:
        return Curriculum(group=group, points=points, others=others)
    except ValidationError as failure:
        raise UsageError(f"--curriculum: {failure.errors()[0]['msg']}.") from None


def _missing(group: str, ratio: float, asked: Mapping[str, float], folders: Sequence[Path]) -> DatasetError:
    command = _HOW_TO_ADD[group].format(folder=typed(folders[0]))
    without = f", or mix without it: `--robot-ratio {1 if group == HUMAN else 0}`" if len(asked) == 2 else ""
    return DatasetError(
        f"no {group} data in {', '.join(map(str, folders))}, but the mixture asks for {ratio:.0%} of it. Add some with "
        f"`{command}`{without}."
    )


def nothing_eligible(group: str, sources: Sequence[ShardSource]) -> DatasetError:
    """The error where no step of a group can be trained on, and what is known of why."""
    names = ", ".join(source.document.name for source in sources)
    if not any(source.document.counts.episodes for source in sources):
        return DatasetError(
            f"no {group} episode to train on (sources: {names}): none was kept. "
            f"`humandata inspect {typed(sources[0].path)}` says what was rejected, and why."
        )
    motions = {motion for source in sources for motion in source.episodes().column("camera_motion").to_pylist()}
    reason = "no arm is known for long enough to have an action"
    if group == HUMAN and motions == {"unknown"}:
        reason = (
            "how the camera moved is unknown, so poses at different times cannot be compared. Where it stood still, "
            f"say so: `--static-camera {sources[0].document.name}`; where it moved, extract again with its poses in "
            "the sidecar"
        )
    return DatasetError(f"no {group} step can be trained on (sources: {names}): {reason}.")
