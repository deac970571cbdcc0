"""One robot demonstration: its plan, its states in the robot's base frame, its pictures.

The scene and the motion are a function of (seed, episode number) alone, and so are the same whatever the dataset, its
rate and its camera.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from humandata.arrays import BoolArray, FloatArray, Image
from humandata.geometry.cameras import Camera
from humandata.geometry.transforms import invert, make_transform
from humandata.studio.gripper import arm_mesh, gripper_mesh
from humandata.studio.look import Look, sample_look
from humandata.studio.motion import ROBOT_STYLE, PlaceMotion, plan_place
from humandata.studio.render import render
from humandata.studio.scene import Scene, sample_scene, sample_task, scene_meshes

T_WORLD_BASE = make_transform(np.eye(3), [-0.55, 0.0, 0.0])
"""Where the arm is bolted to the table."""


@dataclass(frozen=True)
class Viewpoint:
    """Where a fixed camera stands and looks at in the world, in metres, each moved by up to `spread_m` per episode."""

    eye: tuple[float, float, float]
    target: tuple[float, float, float]
    spread_m: float
    horizontal_fov_rad: float


SHOULDER_VIEW = Viewpoint(eye=(-0.30, 0.60, 0.55), target=(0.06, -0.02, 0.05), spread_m=0.04, horizontal_fov_rad=1.15)
FRONT_VIEW = Viewpoint(eye=(0.80, 0.0, 0.55), target=(-0.02, 0.0, 0.06), spread_m=0.01, horizontal_fov_rad=0.95)


@dataclass(frozen=True)
class RobotEpisode:
    """What happens in an episode, and what it looks like to a camera at T_world_camera (4, 4)."""

    scene: Scene
    motion: PlaceMotion
    look: Look
    camera: Camera
    T_world_camera: FloatArray


@dataclass(frozen=True)
class RobotStates:
    """The robot at N instants.

    T_base_ee (N, 4, 4) in the shared EE axes, the distance between the fingertips (N,) in metres, and whether the
    gripper is told to close (N,).
    """

    T_base_ee: FloatArray
    opening_m: FloatArray
    told_to_close: BoolArray


def plan_robot_episode(seed: int, number: int, view: Viewpoint, width: int, height: int) -> RobotEpisode:
    """Plan episode `number` of a dataset that is seen from `view` in pictures of width x height."""
    rng = np.random.default_rng([seed, number, 0])
    scene = sample_scene(rng)
    motion = plan_place(scene, sample_task(scene, rng), ROBOT_STYLE, rng)
    rng = np.random.default_rng([seed, number, 1])
    eye, target = (np.add(point, rng.uniform(-view.spread_m, view.spread_m, 3)) for point in (view.eye, view.target))
    return RobotEpisode(
        scene=scene,
        motion=motion,
        look=sample_look(rng),
        camera=Camera.from_horizontal_fov(view.horizontal_fov_rad, width, height),
        T_world_camera=look_at(eye, target),
    )


def step_times(motion: PlaceMotion, rate_hz: float, extra: int = 0) -> FloatArray:
    """The instants (N + extra,) in seconds at which a recorder of that rate takes its N steps, from 0 on, and more."""
    return np.arange(int(motion.duration_s * rate_hz) + 1 + extra) / rate_hz


def robot_states(motion: PlaceMotion, time_s: ArrayLike) -> RobotStates:
    """The robot's states at times (N,) in seconds."""
    time = np.asarray(time_s, dtype=np.float64)
    sample = motion.at(time)
    return RobotStates(
        T_base_ee=invert(T_WORLD_BASE) @ sample.T_world_tool,
        opening_m=sample.opening_m,
        told_to_close=(time >= motion.closing_s) & (time < motion.release_s),
    )


def robot_frames(episode: RobotEpisode, time_s: FloatArray) -> Iterator[Image]:
    """Pictures (H, W, 3) uint8 RGB at times (N,), without motion blur: the arm is slow."""
    sample = episode.motion.at(time_s)
    for number, T_world_tool in enumerate(sample.T_world_tool):
        blocks = {episode.motion.task.color: sample.T_world_block[number]}
        gripper = gripper_mesh(T_world_tool, float(sample.opening_m[number]))
        meshes = [*scene_meshes(episode.scene, blocks), gripper, arm_mesh(T_WORLD_BASE, T_world_tool)]
        yield render(meshes, episode.camera, episode.T_world_camera, episode.look, noise_seed=number).image


def look_at(eye: ArrayLike, target: ArrayLike) -> FloatArray:
    """T_world_camera (4, 4) of an upright camera at `eye` (3,) whose optical axis goes through `target` (3,)."""
    position = np.asarray(eye, dtype=np.float64)
    z = np.asarray(target, dtype=np.float64) - position
    z /= np.linalg.norm(z)
    x = np.cross(z, [0.0, 0.0, 1.0])
    x /= np.linalg.norm(x)
    return make_transform(np.stack([x, np.cross(z, x), z], axis=1), position)
