"""What a user should know before training on a mixture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from statistics import median

import pyarrow as pa
import pyarrow.compute as pc

from humandata.mixtures.options import HUMAN, ROBOT
from humandata.schemas.mixture import Mixture, MixtureSource

SPEED_GAP = 1.5
"""Above this ratio of the median speeds of human and robot, a slowdown is suggested."""
MANY_REPEATS = 10.0
"""Above this many passes for each pass over the source passed least, a source is likely to be learned by heart."""
FEW_STEPS = 1000
"""With fewer training steps, fewer than ten lie beyond q01 and beyond q99, so that chance decides where they are."""
_MOST_NAMES = 5
"""Names spelled out in one warning; the rest is counted."""


def source_warnings(member: MixtureSource, episodes: pa.Table, taking_part: Set[str], selected: bool) -> list[str]:
    """What is doubtful about one source, given its table of episodes and the ids of those that take part.

    `selected` tells that not all episodes were asked for, so that some are left out for that.
    """
    warnings = []
    name, total = member.name, episodes.num_rows
    if selected:
        episodes = episodes.filter(
            pc.is_in(episodes.column("id"), value_set=pa.array(sorted(taking_part), pa.string()))
        )
        total = episodes.num_rows
    left_out = [row for row in episodes.select(["id", "world_frame"]).to_pylist() if row["id"] not in taking_part]
    unknown = sum(row["world_frame"] == "camera" for row in left_out)
    if unknown:
        warnings.append(
            f"{name}: {unknown} of {total} episodes are left out, because how their camera moved is unknown. "
            f"Where it stood still, say so: `--static-camera {name}`."
        )
    if len(left_out) > unknown:
        warnings.append(f"{name}: {len(left_out) - unknown} of {total} episodes have no step with a known action.")
    if member.training.num_episodes == 1 and not member.held_out.num_episodes:
        warnings.append(f"{name}: no episode is held out, because there is only one.")
    assumed = episodes.column("intrinsics").to_pylist().count("assumed")
    if assumed:
        warnings.append(
            f"{name}: the intrinsics of {assumed} of {total} episodes are assumed, so their distances are off by an "
            "unknown factor. Give them in sidecars."
        )
    if episodes.column("estimator").null_count < total and not member.mask_rotation:
        warnings.append(
            f"{name}: rotations are estimated from one camera, which is noisy. Without them: `--mask-rotation {name}`."
        )
    return warnings


def speed_warnings(members: Sequence[MixtureSource], kinds: Sequence[str]) -> list[str]:
    """Compares the medians of the speeds of human and robot sources, as `kinds` tells of each."""
    of_kind = {
        kind: [member for member, each in zip(members, kinds, strict=True) if each == kind] for kind in (HUMAN, ROBOT)
    }
    speeds = {
        kind: median(known)
        for kind in (HUMAN, ROBOT)
        if (known := [member.median_speed for member in of_kind[kind] if member.median_speed])
    }
    if len(speeds) < 2 or max(speeds.values()) <= SPEED_GAP * min(speeds.values()):
        return []
    fast, slow = sorted(speeds, key=lambda group: -speeds[group])
    ratio = speeds[fast] / speeds[slow]
    options = " ".join(f"--slowdown {each.name}={each.slowdown * ratio:.2g}" for each in of_kind[fast])
    return [
        f"{fast} data moves {ratio:.1f} times as fast as {slow} data ({speeds[fast]:.3f} against {speeds[slow]:.3f} "
        f"m/s as played). To even it out: `{options}`."
    ]


def left_out_warnings(names: Sequence[str]) -> list[str]:
    """Tells which sources were found but are of a group that gets nothing."""
    return [f"{_named(names)}: left out, because their group has the ratio 0."] if names else []


def repeats_warnings(members: Sequence[MixtureSource], repeats: Sequence[float]) -> list[str]:
    """Sources that are passed far more often than another, as `repeats` tells of each."""
    return [
        f"{member.name}: passed {times:.0f} times for each pass over the source passed least. Add data to it, or lower "
        "its ratio or its weight."
        for member, times in zip(members, repeats, strict=True)
        if times > MANY_REPEATS
    ]


def task_warnings(tasks: Mapping[str, Set[str]]) -> list[str]:
    """Tasks that are done in one group only, of the tasks by group; a task is the same where its words are."""
    known = {group: names for group, names in tasks.items() if names}
    if len(known) < 2:
        return []
    alone = {
        group: sorted(names - set().union(*(other for each, other in known.items() if each != group)))
        for group, names in sorted(known.items())
    }
    return [
        f"{len(names)} of {len(known[group])} tasks of {group} are in no other group: {_named(names)}. What is learned "
        "of them has to carry over; where they are the same tasks in other words, give them the same words."
        for group, names in alone.items()
        if names
    ]


def statistics_warnings(mixture: Mixture) -> list[str]:
    """Embodiments of which a dimension's quantiles rest on few steps, such as those of an arm that is seldom seen."""
    fewest = {
        name: min((number for number in figures.state.num_values if number), default=0)
        for name, figures in mixture.normalization.items()
    }
    return [
        f"{name}: its normalisation rests on as few as {number} training steps; quantiles of fewer than {FEW_STEPS} "
        "are left to chance. Add data."
        for name, number in fewest.items()
        if number < FEW_STEPS
    ]


def _named(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _MOST_NAMES} more" if len(listed) > _MOST_NAMES else ""
    return ", ".join(f"'{name}'" for name in listed[:_MOST_NAMES]) + more
