"""What a user should know before training on a mixture."""

from __future__ import annotations

from collections.abc import Sequence, Set
from statistics import median

import pyarrow as pa
import pyarrow.compute as pc

from humandata.mixtures.groups import HUMAN, ROBOT
from humandata.schemas.mixture import MixtureSource

SPEED_GAP = 1.5
"""Above this ratio of the median speeds of human and robot, a slowdown is suggested."""


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


def speed_warnings(members: Sequence[MixtureSource]) -> list[str]:
    """Compares the medians of the speeds of human and robot sources."""
    speeds = {
        group: median(known)
        for group in (HUMAN, ROBOT)
        if (known := [member.median_speed for member in members if member.group == group and member.median_speed])
    }
    if len(speeds) < 2 or max(speeds.values()) <= SPEED_GAP * min(speeds.values()):
        return []
    fast, slow = sorted(speeds, key=lambda group: -speeds[group])
    ratio = speeds[fast] / speeds[slow]
    options = " ".join(f"--slowdown {each.name}={each.slowdown * ratio:.2g}" for each in members if each.group == fast)
    return [
        f"{fast} data moves {ratio:.1f} times as fast as {slow} data ({speeds[fast]:.3f} against {speeds[slow]:.3f} "
        f"m/s as played). To even it out: `{options}`."
    ]
