"""Read a source: which episodes it holds, and how one of them moves.

python examples/01_read_a_source.py shards/videos
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from humandata.dataset.read import open_source
from humandata.errors import HumandataError


def main(path: Path) -> None:
    source = open_source(path)
    print(f"{source.document.name}: {source.document.counts.episodes} episodes of {source.document.embodiments}")
    for row in source.episodes().to_pylist():
        episode = source.read_episode(row["id"], images=False)
        for side, arm in episode.arms.items():
            # p_world = T_world_ee @ p_ee, so the last column is where the end effector is
            position = arm.T_world_ee[arm.valid, :3, 3]
            path_m = np.linalg.norm(np.diff(position, axis=0), axis=1).sum()
            print(
                f"  {row['task']}: the {side} arm is known at {arm.valid.mean():.0%} of steps and moves {path_m:.2f} m"
            )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        main(Path(sys.argv[1]))
    except HumandataError as error:  # a mistake in what was typed, in words
        sys.exit(f"error: {error}")
