"""Judge episodes by a rule of your own: which of them really move.

python examples/03_a_filter_of_your_own.py shards/videos
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import ClassVar

import numpy as np

from humandata.dataset.read import open_source
from humandata.errors import HumandataError
from humandata.filters.filter import Candidate, Filter


class Reach(Filter):
    """The farthest that any end effector gets from where it was first seen."""

    name: ClassVar[str] = "reach"
    reason: ClassVar[str] = "nothing moves (metres)"
    at_least: ClassVar[bool] = True

    min_m: float = 0.10

    @property
    def limit(self) -> float:
        """Metres."""
        return self.min_m

    def measure(self, candidate: Candidate) -> float:
        """Metres; NaN where no arm is known."""
        reaches = []
        for arm in candidate.arms.values():
            position = arm.T_world_ee[arm.valid, :3, 3]
            if len(position):
                reaches.append(np.linalg.norm(position - position[0], axis=1).max())
        return float(max(reaches, default=np.nan))


def main(path: Path) -> None:
    source, rule = open_source(path), Reach()
    for row in source.episodes().to_pylist():
        verdict = rule.judge(source.read_episode(row["id"], images=False))
        print(f"{row['input']}: {'kept' if verdict is None else f'rejected, {verdict.reason} {verdict.value:.2f}'}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        main(Path(sys.argv[1]))
    except HumandataError as error:  # a mistake in what was typed, in words
        sys.exit(f"error: {error}")
