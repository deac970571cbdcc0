"""`humandata demo`: input for the whole road that needs no download, with its truth beside it."""

from __future__ import annotations

import os
from pathlib import Path

from humandata.errors import UsageError
from humandata.progress import ProgressBar
from humandata.report.console import print_line
from humandata.studio.capture import render_human_videos
from humandata.studio.clip import ClipOptions
from humandata.studio.robot import render_robot_lerobot, render_robot_robomimic
from humandata.studio.scene import PlaceTask

NUM_VIDEOS = 32
NUM_LEROBOT_EPISODES = 18
NUM_ROBOMIMIC_EPISODES = 10
CLIP_WIDTH, CLIP_HEIGHT, CLIP_RATE_HZ = 320, 240, 15
"""As small and slow as the tracker bears: it looks at 192 to 224 pixels, and steps are stored at 15 Hz."""

NEXT = """\
videos/   {videos} clips of a person at a table, with sidecars
robots/   a LeRobot v3 dataset and a robomimic file of a robot at the same task
truth/    where hands and grippers really were; only tests and benchmarks look at it

The road from here{where}:
  humandata extract videos/ --out shards/
  humandata ingest robots/droid_lerobot --out shards/
  humandata ingest robots/panda_robomimic.hdf5 --out shards/
  humandata mix --robot-ratio 0.8
  humandata train"""


def render_demo(out: Path, num_workers: int | None, seed: int) -> None:
    """Render the demo's input into a folder; what is there already is left alone. UsageError where it is no folder."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is not a folder. Choose another with --out.")
    workers = num_workers or len(os.sched_getaffinity(0))
    with ProgressBar("render human videos", NUM_VIDEOS, "clips") as bar:
        options = ClipOptions(
            PlaceTask("red", "left"),
            second_hand=False,
            frame_rate=CLIP_RATE_HZ,
            width=CLIP_WIDTH,
            height=CLIP_HEIGHT,
        )
        render_human_videos(out, NUM_VIDEOS, seed, workers, options, lambda done, _total: bar.update(done))
    with ProgressBar("render robot, LeRobot v3", NUM_LEROBOT_EPISODES, "episodes") as bar:
        render_robot_lerobot(
            out / "robots" / "droid_lerobot",
            NUM_LEROBOT_EPISODES,
            seed,
            workers,
            progress=lambda done, _total: bar.update(done),
        )
    with ProgressBar("render robot, robomimic", NUM_ROBOMIMIC_EPISODES, "episodes") as bar:
        render_robot_robomimic(
            out / "robots" / "panda_robomimic.hdf5",
            NUM_ROBOMIMIC_EPISODES,
            seed + 1,
            workers,
            progress=lambda done, _total: bar.update(done),
        )
    where = "" if out.resolve() == Path.cwd() else f", in {out}"
    print_line(NEXT.format(videos=NUM_VIDEOS, where=where))
