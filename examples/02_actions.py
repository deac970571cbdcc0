"""Turn an episode into what a policy learns: a chunk of motion relative to the pose now; and back again.

python examples/02_actions.py shards/videos
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from humandata.actions import ACTION_LAYOUT, ActionGrid, ActionPolicy, decode_chunk, encode_chunks, make_track
from humandata.dataset.read import open_source
from humandata.errors import HumandataError
from humandata.schemas.landmarks import SIDES


def main(path: Path) -> None:
    source = open_source(path)
    episode = source.read_episode(source.episodes()["id"][0].as_py(), images=False)
    # Two seconds ahead at 15 Hz, whatever the source's rate. Vouching for the camera makes a video's motion usable.
    grid = ActionGrid(horizon=30, rate_hz=15.0)
    track = make_track(episode, ActionPolicy(static_camera=True))
    actions, mask = encode_chunks(track, np.array([0]), grid)
    print(f"a chunk of {actions.shape[1]} steps x {actions.shape[2]} dimensions, {mask.mean():.0%} of it known")
    for name, dimensions in ACTION_LAYOUT.items():
        print(f"  {name:20} known: {mask[0, :, dimensions].mean():.0%}")
    T_world_target, _ = decode_chunk(actions[0], track.T_inertial_ee[:, 0])
    for index, side in enumerate(SIDES):
        if track.arm_valid[index, 0]:
            x, y, z = T_world_target[index, 14, :3, 3]
            print(f"in a second the {side} end effector is at ({x:.3f}, {y:.3f}, {z:.3f}) m")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        main(Path(sys.argv[1]))
    except HumandataError as error:  # a mistake in what was typed, in words
        sys.exit(f"error: {error}")
