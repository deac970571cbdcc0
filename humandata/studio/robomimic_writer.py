"""Episodes as a robomimic HDF5 file, in the conventions of robosuite's Panda.

Poses are the grip site's in the frame of the arm's base, which stands at the origin; quaternions are xyzw. Actions are
those of robosuite's OSC_POSE controller in delta mode: a full deflection is 0.05 m or 0.5 rad a step, rotations about
the base's axes (robosuite `controllers/config/osc_pose.json`); the gripper's is -1 to open and 1 to close. The task's
text is in each demonstration's `ep_meta`, as in RoboCasa, since a file here holds several tasks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from humandata.arrays import FloatArray, Image
from humandata.embodiments import get_embodiment
from humandata.geometry.rotations import rotvec_from_matrix, wxyz_from_matrix
from humandata.geometry.transforms import invert
from humandata.studio.robot_episode import RobotStates

CAMERA = "agentview"
FULL_STEP_M = 0.05
FULL_TURN_RAD = 0.5
VALID_EVERY = 8
"""One demonstration in this many is for validation."""
ROBOSUITE_ENV = 1
"""`EnvType.ROBOSUITE_TYPE` of robomimic's `envs/env_base.py`."""


@dataclass(frozen=True)
class RobomimicEpisode:
    """One demonstration: task, observations by key (N, ...), and actions (N, 7) in [-1, 1]."""

    task: str
    observations: Mapping[str, FloatArray | Image]
    actions: FloatArray


def robosuite_observations(states: RobotStates) -> dict[str, FloatArray]:
    """What robosuite observes of a Panda in N states: position (N, 3), quaternion (N, 4) xyzw, both fingers (N, 2)."""
    T_base_tool = states.T_base_ee @ invert(get_embodiment("franka_panda").T_tool_ee)
    wxyz = wxyz_from_matrix(T_base_tool[:, :3, :3])
    return {
        "robot0_eef_pos": T_base_tool[:, :3, 3],
        "robot0_eef_quat": np.roll(wxyz, -1, axis=-1),
        "robot0_gripper_qpos": states.opening_m[:, None] * [0.5, -0.5],
    }


def osc_pose_actions(states: RobotStates) -> FloatArray:
    """Actions (N, 7) that lead from each of N + 1 states to the next."""
    T_base_tool = states.T_base_ee @ invert(get_embodiment("franka_panda").T_tool_ee)
    now, then = T_base_tool[:-1], T_base_tool[1:]
    shift = (then[:, :3, 3] - now[:, :3, 3]) / FULL_STEP_M
    turn = rotvec_from_matrix(then[:, :3, :3] @ np.swapaxes(now[:, :3, :3], -1, -2)) / FULL_TURN_RAD
    gripper = np.where(states.told_to_close[1:], 1.0, -1.0)
    return np.asarray(np.clip(np.concatenate([shift, turn, gripper[:, None]], axis=1), -1.0, 1.0))


def write_robomimic(path: Path, episodes: Iterable[RobomimicEpisode], rate_hz: int, width: int, height: int) -> None:
    """Write demonstrations into one file, in the order given; episodes are taken one at a time."""
    import h5py

    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data.attrs["env_args"] = json.dumps(_environment(rate_hz, width, height))
        names, total = [], 0
        for number, episode in enumerate(episodes):
            names.append(f"demo_{number}")
            demo = data.create_group(names[-1])
            demo.attrs["num_samples"] = len(episode.actions)
            demo.attrs["ep_meta"] = json.dumps({"lang": episode.task})
            total += len(episode.actions)
            last = np.arange(len(episode.actions)) == len(episode.actions) - 1
            demo["actions"] = episode.actions
            demo["rewards"] = last.astype(np.float64)
            demo["dones"] = last.astype(np.int64)
            for key, values in episode.observations.items():
                demo[f"obs/{key}"] = values
        data.attrs["total"] = total
        for filter_key, chosen in (("train", False), ("valid", True)):
            members = [name for index, name in enumerate(names) if (index % VALID_EVERY == VALID_EVERY - 1) is chosen]
            file[f"mask/{filter_key}"] = np.array(members, dtype="S")


def _environment(rate_hz: int, width: int, height: int) -> dict[str, object]:
    controller = {
        "type": "OSC_POSE",
        "control_delta": True,
        "input_max": 1,
        "input_min": -1,
        "output_max": [FULL_STEP_M] * 3 + [FULL_TURN_RAD] * 3,
        "output_min": [-FULL_STEP_M] * 3 + [-FULL_TURN_RAD] * 3,
    }
    return {
        "env_name": "PlaceBlock",
        "type": ROBOSUITE_ENV,
        "env_kwargs": {
            "robots": ["Panda"],
            "controller_configs": controller,
            "control_freq": rate_hz,
            "camera_names": [CAMERA],
            "camera_heights": height,
            "camera_widths": width,
        },
    }
