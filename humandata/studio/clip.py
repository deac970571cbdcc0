"""One clip of a person at the table: planned from a seed, rendered frame by frame, with its sidecar and its truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from humandata.arrays import FloatArray, IntArray
from humandata.geometry.transforms import position_wxyz_from_transform
from humandata.schemas.sidecar import CameraPoses, Intrinsics, Sidecar
from humandata.studio.head_camera import HeadCamera, sample_head_camera
from humandata.studio.human import (
    HAND_STYLE,
    HandTrack,
    Person,
    hand_mesher,
    pinching_hand,
    resting_hand,
    sample_person,
)
from humandata.studio.look import Look, sample_look
from humandata.studio.motion import PlaceMotion, plan_place
from humandata.studio.render import Rendering, Shutter, render
from humandata.studio.scene import PlaceTask, Scene, sample_scene, scene_meshes

NANOSECONDS = 1_000_000_000
_LEAST_CONTRAST = 0.2
"""Between skin and table, as a distance of square roots of linear RGB, which are about evenly spaced to the eye."""

_COMFORTABLE_HEADING_RAD = (0.9, 1.85)
"""Where, from straight across the body to straight back and beyond, a wrist still follows a closing direction."""


@dataclass(frozen=True)
class ClipOptions:
    """How a clip is taken. None leaves the choice to the seed."""

    task: PlaceTask
    moving_camera: bool | None = None
    second_hand: bool | None = None
    frame_rate: int = 20
    width: int = 640
    height: int = 480
    max_duration_s: float | None = None


@dataclass(frozen=True)
class Clip:
    """A planned clip of N frames. Arrays over time hold 2 N instants: the frames', then the ends of their exposures."""

    task: str
    frame_rate: int
    scene: Scene
    person: Person
    look: Look
    head: HeadCamera
    timestamp_ns: IntArray
    time_s: FloatArray
    T_world_camera: FloatArray
    moved_block: str | None
    """The colour of the block whose pose is T_world_block, which is NaN where no block is moved."""
    T_world_block: FloatArray
    hands: tuple[HandTrack, ...]

    @property
    def num_frames(self) -> int:
        """N."""
        return len(self.timestamp_ns)


def plan_clip(seed: int | tuple[int, ...], options: ClipOptions) -> Clip:
    """Draw a scene, a person, a motion and a camera; the same seed and options give the same clip."""
    rng = np.random.default_rng(seed)
    moving = bool(rng.uniform() < 0.4) if options.moving_camera is None else options.moving_camera
    second_hand = bool(rng.uniform() < 0.35) if options.second_hand is None else options.second_hand
    head = sample_head_camera(rng, moving, options.width, options.height)
    look, person = sample_look(rng), sample_person(rng)
    scene, motion = _comfortable_plan(options.task, person, rng)
    duration_s = min(motion.duration_s, options.max_duration_s or np.inf)
    timestamp_ns, time_s = exposures(duration_s, options.frame_rate, rng)
    sample = motion.at(time_s)
    hands = [pinching_hand(motion.side, person, sample.T_world_tool, sample.opening_m)]
    if second_hand:
        hands.append(resting_hand("left" if motion.side == "right" else "right", person, time_s, rng))
    return Clip(
        task=options.task.text,
        frame_rate=options.frame_rate,
        scene=scene,
        person=person,
        look=look,
        head=head,
        timestamp_ns=timestamp_ns,
        time_s=time_s,
        T_world_camera=head.at(time_s),
        moved_block=options.task.color,
        T_world_block=sample.T_world_block,
        hands=tuple(hands),
    )


def exposures(duration_s: float, frame_rate: int, rng: np.random.Generator) -> tuple[IntArray, FloatArray]:
    """Timestamps (N,) in ns of frames as MP4 gives them, and the instants (2 N,) in s that a `Clip` is planned at."""
    index = np.arange(max(1, int(duration_s * frame_rate)))
    timestamp_ns = np.array([round(Fraction(int(i) * NANOSECONDS, frame_rate)) for i in index], dtype=np.int64)
    frames_s = timestamp_ns / NANOSECONDS
    return timestamp_ns, np.concatenate([frames_s, frames_s + rng.uniform(0.15, 0.4) / frame_rate])


def contrasting_scene(person: Person, rng: np.random.Generator) -> Scene:
    """Draw scenes until the person's hands stand out from the table."""
    while True:
        scene = sample_scene(rng)
        if np.linalg.norm(np.sqrt(scene.table_color) - np.sqrt(person.look.skin)) >= _LEAST_CONTRAST:
            return scene


def render_clip(clip: Clip, num_threads: int = 1) -> Iterator[Rendering]:
    """Yield the frames in order; the last meshes of each are the hands."""
    meshers = [hand_mesher(hand, clip.person) for hand in clip.hands]
    for frame in range(clip.num_frames):
        now, later = (
            scene_meshes(clip.scene, {clip.moved_block: clip.T_world_block[index]} if clip.moved_block else {})
            + [mesher.at(index) for mesher in meshers]
            for index in (frame, frame + clip.num_frames)
        )
        shutter = Shutter(later, clip.T_world_camera[frame + clip.num_frames])
        yield render(
            now,
            clip.head.camera,
            clip.T_world_camera[frame],
            clip.look,
            shutter=shutter,
            noise_seed=frame,
            num_threads=num_threads,
        )


def clip_sidecar(clip: Clip) -> Sidecar:
    """What the demonstrator is taken to know: the task, the lens, and how the camera moved."""
    camera = clip.head.camera
    intrinsics = Intrinsics(
        fx=camera.fx, fy=camera.fy, cx=camera.cx, cy=camera.cy, width=camera.width, height=camera.height
    )
    if not clip.head.moving:
        return Sidecar(task=clip.task, intrinsics=intrinsics, camera_motion="static")
    position, wxyz = position_wxyz_from_transform(clip.T_world_camera[: clip.num_frames])
    poses = CameraPoses(
        world="gravity",
        timestamp_ns=tuple(clip.timestamp_ns.tolist()),
        position=tuple((x, y, z) for x, y, z in position.tolist()),
        wxyz=tuple((w, x, y, z) for w, x, y, z in wxyz.tolist()),
    )
    return Sidecar(task=clip.task, intrinsics=intrinsics, camera_motion="moving", camera_poses=poses)


def _comfortable_plan(task: PlaceTask, person: Person, rng: np.random.Generator) -> tuple[Scene, PlaceMotion]:
    """Draw scenes and motions by the hand nearer the bin, until the hand stands out and grips without contortion."""
    while True:
        scene = contrasting_scene(person, rng)
        if task.color not in [block.color for block in scene.blocks]:
            continue
        motion = plan_place(scene, task, HAND_STYLE, rng, side=task.bin_side)
        closing = motion.at([motion.grasp_s]).T_world_tool[0, :3, 0]
        inward = closing[1] if motion.side == "right" else -closing[1]
        if _COMFORTABLE_HEADING_RAD[0] <= np.arctan2(-closing[0], inward) <= _COMFORTABLE_HEADING_RAD[1]:
            return scene, motion
