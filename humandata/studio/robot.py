"""Robot demonstrations on disk: a LeRobot dataset and a robomimic file, each with the truth beside it.

The same seed and episode number give the same motion in both. Output does not depend on the number of workers.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from humandata.arrays import FloatArray, Image
from humandata.errors import cannot_be_written
from humandata.studio.jobs import run_jobs
from humandata.studio.lerobot_writer import LeRobotEpisode, droid_vectors, video_file, write_lerobot
from humandata.studio.robomimic_writer import (
    CAMERA,
    RobomimicEpisode,
    osc_pose_actions,
    robosuite_observations,
    write_robomimic,
)
from humandata.studio.robot_episode import (
    FRONT_VIEW,
    SHOULDER_VIEW,
    RobotEpisode,
    plan_robot_episode,
    robot_frames,
    robot_states,
    step_times,
)

LEROBOT_RATE_HZ = 15
ROBOMIMIC_RATE_HZ = 20
EPISODES_PER_VIDEO = 2
Progress = Callable[[int, int], None]


def render_robot_lerobot(
    out: Path,
    num_episodes: int,
    seed: int,
    workers: int = 1,
    *,
    width: int = 320,
    height: int = 180,
    progress: Progress | None = None,
) -> Path:
    """Render a LeRobot v3.0 dataset of a Panda with a Robotiq gripper at 15 Hz into the folder `out`.

    Rate and picture size are DROID's.

    The truth goes to `out`/../truth/<name of out>/<episode>.npz: timestamp_s (N,), T_base_ee (N, 4, 4), opening_m (N,).
    A dataset that exists is left alone. `progress` is told (done, total) in episodes. Returns `out`.
    """
    if out.exists():
        return out
    unfinished = _fresh(out)
    groups = [
        range(num_episodes)[first : first + EPISODES_PER_VIDEO] for first in range(0, num_episodes, EPISODES_PER_VIDEO)
    ]
    job = partial(_render_lerobot_video, unfinished, _truth_folder(out), seed, width, height)
    episodes: list[LeRobotEpisode] = []
    for group in run_jobs(job, groups, workers):
        episodes += group
        if progress:
            progress(len(episodes), num_episodes)
    write_lerobot(unfinished, episodes, LEROBOT_RATE_HZ, width, height)
    unfinished.rename(out)
    return out


def render_robot_robomimic(
    out: Path,
    num_episodes: int,
    seed: int,
    workers: int = 1,
    *,
    width: int = 160,
    height: int = 160,
    progress: Progress | None = None,
) -> Path:
    """Render a robomimic HDF5 file of a Panda at 20 Hz to `out`; truth and the rest as in `render_robot_lerobot`."""
    if out.exists():
        return out
    unfinished = _fresh(out)
    job = partial(_render_robomimic_episode, _truth_folder(out), seed, width, height)

    def reported() -> Iterator[RobomimicEpisode]:
        for done, episode in enumerate(run_jobs(job, range(num_episodes), workers), start=1):
            yield episode
            if progress:
                progress(done, num_episodes)

    write_robomimic(unfinished, reported(), ROBOMIMIC_RATE_HZ, width, height)
    unfinished.rename(out)
    return out


def _render_lerobot_video(
    root: Path, truth_folder: Path, seed: int, width: int, height: int, numbers: range
) -> list[LeRobotEpisode]:
    """Render some episodes one after the other into one video file, as LeRobot v3 does; return their tables."""
    from humandata.studio.capture import encode_mp4

    plans = [plan_robot_episode(seed, number, SHOULDER_VIEW, width, height) for number in numbers]
    video_number = numbers.start // EPISODES_PER_VIDEO
    episodes, first_frame = [], 0
    for number, plan in zip(numbers, plans, strict=True):
        times = step_times(plan.motion, LEROBOT_RATE_HZ)
        _save_truth(truth_folder, number, plan, times)
        vectors = droid_vectors(robot_states(plan.motion, step_times(plan.motion, LEROBOT_RATE_HZ, extra=1)))
        vectors_f32 = vectors.astype(np.float32)
        task = plan.motion.task.text
        episodes.append(LeRobotEpisode(task, vectors_f32[:-1], vectors_f32[1:], video_number, first_frame))
        first_frame += len(times)

    def frames() -> Iterator[Image]:
        for plan in plans:
            yield from robot_frames(plan, step_times(plan.motion, LEROBOT_RATE_HZ))

    path = video_file(root, video_number)
    path.parent.mkdir(parents=True, exist_ok=True)
    encode_mp4(frames(), LEROBOT_RATE_HZ, path)
    return episodes


def _render_robomimic_episode(truth_folder: Path, seed: int, width: int, height: int, number: int) -> RobomimicEpisode:
    plan = plan_robot_episode(seed, number, FRONT_VIEW, width, height)
    times = step_times(plan.motion, ROBOMIMIC_RATE_HZ)
    _save_truth(truth_folder, number, plan, times)
    actions = osc_pose_actions(robot_states(plan.motion, step_times(plan.motion, ROBOMIMIC_RATE_HZ, extra=1)))
    images = np.stack(list(robot_frames(plan, times)))
    observations: dict[str, FloatArray | Image] = {f"{CAMERA}_image": images}
    observations.update(robosuite_observations(robot_states(plan.motion, times)))
    return RobomimicEpisode(plan.motion.task.text, observations, actions)


def _save_truth(folder: Path, number: int, plan: RobotEpisode, times: FloatArray) -> None:
    states = robot_states(plan.motion, times)
    np.savez(
        folder / f"{number:06d}.npz",
        allow_pickle=False,
        timestamp_s=times,
        T_base_ee=states.T_base_ee,
        opening_m=states.opening_m,
    )


def _truth_folder(out: Path) -> Path:
    return out.parent / "truth" / out.stem


def _fresh(out: Path) -> Path:
    """Where output is put together before it gets its name; what an interrupted run left there is removed."""
    unfinished = out.with_name(f".{out.name}.partial")
    try:
        _truth_folder(out).mkdir(parents=True, exist_ok=True)
        if unfinished.is_dir():
            shutil.rmtree(unfinished)
        unfinished.unlink(missing_ok=True)
    except OSError as failure:
        raise cannot_be_written(out.parent, failure) from None
    return unfinished
