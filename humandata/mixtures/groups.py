"""Groups of a mixture: human and robot sources, and their ratio."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from humandata.dataset.read import ShardSource
from humandata.embodiments import get_embodiment
from humandata.errors import DatasetError
from humandata.mixtures.sampler import exact

HUMAN, ROBOT = "human", "robot"

_HOW_TO_ADD = {
    HUMAN: "humandata extract VIDEOS --out {shards}",
    ROBOT: "humandata ingest DATASET --out {shards}",
}


def group_of(source: ShardSource) -> str:
    """`human` or `robot`, by the bodies that act in a source; DatasetError where both do."""
    kinds = {get_embodiment(name).kind for name in source.document.embodiments}
    if len(kinds) > 1:
        raise DatasetError(f"{source.path}: holds human and robot episodes; a mixture needs them as two sources.")
    return kinds.pop() if kinds else HUMAN if source.document.kind == "human_video" else ROBOT


def group_ratios(present: set[str], robot_ratio: float | None, shards: Sequence[Path]) -> dict[str, float]:
    """The share of each group that is drawn from. DatasetError where one is asked for that is not `present`.

    Without a ratio both groups get half, as in arXiv 2512.22414, or the only one there is gets all.
    """
    if robot_ratio is None:
        robot_ratio = 0.5 if {HUMAN, ROBOT} <= present else float(ROBOT in present)
    ratios = {HUMAN: float(1 - exact(robot_ratio)), ROBOT: float(robot_ratio)}
    for group, ratio in ratios.items():
        if ratio > 0.0 and group not in present:
            folders = ", ".join(map(str, shards))
            command = _HOW_TO_ADD[group].format(shards=shards[0])
            raise DatasetError(
                f"no {group} data in {folders}, but the mixture asks for {ratio:.0%} of it. Add some with `{command}`, "
                f"or mix without it: `--robot-ratio {1 if group == HUMAN else 0}`."
            )
    return {group: ratio for group, ratio in ratios.items() if ratio > 0.0}


def nothing_eligible(group: str, sources: Sequence[ShardSource]) -> DatasetError:
    """The error where no step of a group can be trained on, and what is known of why."""
    names = ", ".join(source.document.name for source in sources)
    motions = {motion for source in sources for motion in source.episodes().column("camera_motion").to_pylist()}
    reason = "no arm is known for long enough to have an action"
    if group == HUMAN and motions == {"unknown"}:
        reason = (
            "how the camera moved is unknown, so poses at different times cannot be compared. Where it stood still, "
            f"say so: `--static-camera {sources[0].document.name}`; where it moved, extract again with its poses in "
            "the sidecar"
        )
    return DatasetError(f"no {group} step can be trained on (sources: {names}): {reason}.")
