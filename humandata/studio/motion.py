"""How a tool moves while it puts a block into a bin.

A motion is a sum of overlapping minimum-jerk strokes, the way human reaches are composed (Flash and Hogan, "The
Coordination of Arm Movements", J. Neurosci. 1985; Morasso and Mussa-Ivaldi, "Trajectory Formation and Handwriting",
Biol. Cybern. 1982). Each stroke carries the tool from one waypoint towards the next; where two overlap, the waypoint is
rounded off. The tool stands still while it grasps and while it lets go.

Tool axes are the shared end-effector axes: z approach (out of the tool), x closing direction, y = z × x; the origin is
the point where the fingertips meet.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from humandata.arrays import BoolArray, FloatArray
from humandata.geometry.rotations import matrix_from_rotvec, rotvec_from_matrix
from humandata.geometry.transforms import invert, make_transform
from humandata.schemas.landmarks import Side
from humandata.studio.scene import BIN_WALL_M, Block, PlaceTask, Scene

GRAVITY_M_S2 = 9.81
UP = np.array([0.0, 0.0, 1.0])
_REACH, _ADVANCE, _LIFT, _CARRY, _LOWER, _CLEAR, _RETREAT = range(7)
"""The strokes of a motion, in order."""


@dataclass(frozen=True)
class MotionStyle:
    """Ranges (low, high) a motion is drawn from. Seconds, metres, radians.

    `tilt_rad` leans the approach from straight down towards forward; `heading_rad` turns where forward is, to the left,
    for a right arm (mirrored for a left one). `overlap` is the share of a stroke that overlaps the next.
    `finger_room_m` is how much wider than the block the fingers open on either side together. A left arm starts and
    ends within `start_spread_m` of `start_m` along each axis, a right one of its mirror image.

    With a `rest_lean_rad` the tool rests at its heading, leaning that much further forward than at the block; it turns
    to a face of the block on the way there, and back to its heading on the way to the bin, as one does who steers an
    arm. With None it rests turned as it will grasp. `rest_turn_rad` (a standard deviation about each axis) and
    `place_turn_rad` (at most, about the vertical) are how far from that it is by chance.
    """

    duration_s: tuple[float, float]
    tilt_rad: tuple[float, float]
    heading_rad: tuple[float, float]
    overlap: tuple[float, float]
    hover_m: tuple[float, float]
    lift_m: tuple[float, float]
    drop_m: tuple[float, float]
    finger_room_m: tuple[float, float]
    max_opening_m: float
    start_m: tuple[float, float, float]
    start_spread_m: float
    rest_lean_rad: float | None
    rest_turn_rad: float
    place_turn_rad: float


HUMAN_STYLE = MotionStyle(
    duration_s=(2.5, 4.0),
    tilt_rad=(0.5, 0.85),
    heading_rad=(0.05, 0.45),
    overlap=(0.3, 0.5),
    hover_m=(0.04, 0.07),
    lift_m=(0.10, 0.17),
    drop_m=(0.005, 0.03),
    finger_room_m=(0.02, 0.045),
    max_opening_m=0.10,
    start_m=(-0.05, 0.10, 0.13),
    start_spread_m=0.04,
    rest_lean_rad=None,
    rest_turn_rad=0.15,
    place_turn_rad=0.35,
)
ROBOT_STYLE = MotionStyle(
    duration_s=(4.0, 5.5),
    tilt_rad=(0.0, 0.08),
    heading_rad=(-0.1, 0.1),
    overlap=(0.1, 0.25),
    hover_m=(0.07, 0.10),
    lift_m=(0.13, 0.20),
    drop_m=(0.003, 0.012),
    finger_room_m=(0.026, 0.030),
    max_opening_m=0.08,
    start_m=(-0.12, 0.17, 0.16),
    start_spread_m=0.06,
    rest_lean_rad=0.4,
    rest_turn_rad=0.05,
    place_turn_rad=0.1,
)


@dataclass(frozen=True)
class MotionSample:
    """A motion at N instants.

    T_world_tool (N, 4, 4), opening (N,) in metres between the fingertips, T_world_block (N, 4, 4), and grasped (N,),
    true while the block hangs on the tool.
    """

    T_world_tool: FloatArray
    opening_m: FloatArray
    T_world_block: FloatArray
    grasped: BoolArray


@dataclass(frozen=True)
class Track:
    """A sum of S minimum-jerk strokes that starts at `start` (4, 4).

    Between begins[k] and ends[k] (S,) seconds, stroke k adds shifts[k] (S, 3) metres in the world, and turns the tool
    about the world's axes by the rotation vector turns[k] (S, 3).
    """

    start: FloatArray
    begins: FloatArray
    ends: FloatArray
    shifts: FloatArray
    turns: FloatArray

    def at(self, time_s: FloatArray) -> FloatArray:
        """Poses (N, 4, 4) at times (N,)."""
        share = minimum_jerk((time_s[:, None] - self.begins) / (self.ends - self.begins))
        R = np.broadcast_to(self.start[:3, :3], (len(time_s), 3, 3))
        for stroke, turn in enumerate(self.turns):
            R = matrix_from_rotvec(share[:, stroke, None] * turn) @ R
        return make_transform(R, self.start[:3, 3] + share @ self.shifts)


@dataclass(frozen=True)
class PlaceMotion:
    """One block put into one bin, from rest to rest. Grasp and release are instants in seconds."""

    task: PlaceTask
    side: Side
    block: Block
    duration_s: float
    grasp_s: float
    release_s: float
    track: Track
    opening_times_s: FloatArray
    openings_m: FloatArray
    rest_z_m: float

    @property
    def closing_s(self) -> float:
        """When the fingers begin to close on the block."""
        return float(self.opening_times_s[2])

    def at(self, time_s: ArrayLike) -> MotionSample:
        """Sample at times (N,) in seconds; before 0 and after `duration_s` everything rests."""
        time = np.atleast_1d(np.asarray(time_s, dtype=np.float64))
        grasped = (time >= self.grasp_s) & (time < self.release_s)
        T_world_tool = self.track.at(time)
        return MotionSample(T_world_tool, self._opening(time), self._block(time, T_world_tool, grasped), grasped)

    def _opening(self, time_s: FloatArray) -> FloatArray:
        opening = np.full(len(time_s), self.openings_m[0])
        for (begin, end), (a, b) in zip(self.opening_times_s.reshape(-1, 2), pairwise(self.openings_m), strict=True):
            opening += (b - a) * minimum_jerk((time_s - begin) / (end - begin))
        return opening

    def _block(self, time_s: FloatArray, T_world_tool: FloatArray, grasped: BoolArray) -> FloatArray:
        T_grasp, T_release = self.track.at(np.array([self.grasp_s, self.release_s]))
        T_tool_block = invert(T_grasp) @ self.block.T_world_block
        T_world_block = np.where(grasped[:, None, None], T_world_tool @ T_tool_block, self.block.T_world_block[None])
        fallen = time_s >= self.release_s
        T_drop = T_release @ T_tool_block
        height = T_drop[2, 3] - 0.5 * GRAVITY_M_S2 * (time_s[fallen] - self.release_s) ** 2
        T_world_block[fallen] = T_drop
        T_world_block[fallen, 2, 3] = np.maximum(height, self.rest_z_m)
        return T_world_block


def minimum_jerk(share: FloatArray) -> FloatArray:
    """The quintic 10 s³ - 15 s⁴ + 6 s⁵ from 0 to 1, at rest at both ends and clamped outside."""
    s = np.clip(share, 0.0, 1.0)
    return np.asarray(s**3 * (10.0 - 15.0 * s + 6.0 * s**2))


def tool_rotation(closing: ArrayLike, tilt_rad: float) -> FloatArray:
    """R_world_tool (3, 3) whose x is `closing` (3,), horizontal, and whose z leans from straight down by `tilt_rad`.

    It leans towards z × x with z down: forward (+x of the world) for a closing direction to the left (+y).
    """
    x = np.asarray(closing, dtype=np.float64)
    ahead = np.cross(-UP, x)
    z = np.sin(tilt_rad) * ahead - np.cos(tilt_rad) * UP
    return np.stack([x, np.cross(z, x), z], axis=1)


def plan_place(
    scene: Scene, task: PlaceTask, style: MotionStyle, rng: np.random.Generator, side: Side = "right"
) -> PlaceMotion:
    """Plan a motion for the arm on `side`; its closing direction points to the body's middle (to +y for the right).

    A left arm's tool leans backwards by construction, so its tilt is negated: z still leans forward.
    """
    block = scene.block(task.color)
    mirror = 1.0 if side == "right" else -1.0
    tilt = mirror * rng.uniform(*style.tilt_rad)
    heading = mirror * rng.uniform(*style.heading_rad)
    wish = np.array([-np.sin(heading), np.cos(heading), 0.0]) * mirror
    closing = _closing_on(block, wish)
    R_grasp = tool_rotation(closing, tilt)

    grip_height = rng.uniform(-0.1, 0.25) * block.size_m
    grasp = block.T_world_block[:3, 3] + grip_height * UP
    T_world_bin = scene.bin(task.bin_side).T_world_bin
    rest_z = BIN_WALL_M + block.size_m / 2
    spot = T_world_bin[:3, 3] + T_world_bin[:3, :3] @ [*rng.uniform(-0.02, 0.02, 2), 0.0]
    place = spot + (rest_z + grip_height + rng.uniform(*style.drop_m)) * UP
    lift = rng.uniform(*style.lift_m)
    rest = np.array(style.start_m) * [1.0, -mirror, 1.0]
    start = rest + rng.uniform(-1.0, 1.0, 3) * style.start_spread_m
    end = rest + rng.uniform(-1.0, 1.0, 3) * style.start_spread_m
    hover = rng.uniform(*style.hover_m)
    turn_start = rng.normal(0.0, style.rest_turn_rad, 3)
    turn_place = rng.uniform(-style.place_turn_rad, style.place_turn_rad) * UP
    R_rest = R_grasp
    if style.rest_lean_rad is not None:
        R_rest = tool_rotation(wish, tilt + mirror * style.rest_lean_rad)
        turn_place += np.arctan2(closing[0] * wish[1] - closing[1] * wish[0], closing @ wish) * UP

    above = grasp + hover * (0.3 * UP - R_grasp[:, 2])
    lifted, lowered, cleared = grasp + lift * UP, place + 0.8 * lift * UP, place + 0.9 * lift * UP
    shifts = np.diff([start, above, grasp, lifted, lowered, place, cleared, end], axis=0)
    R_start = matrix_from_rotvec(turn_start) @ R_rest
    turns = _turns(R_start, R_grasp, turn_place)
    begins, ends, duration_s = _laid_out(np.linalg.norm(shifts, axis=1), style, rng)
    opening_times_s, openings_m = _fingers(block.size_m, begins, ends, style, rng)
    return PlaceMotion(
        task=task,
        side=side,
        block=block,
        duration_s=duration_s,
        grasp_s=float(begins[_LIFT]),
        release_s=float(ends[_LOWER]),
        track=Track(make_transform(R_start, start), begins, ends, shifts, turns),
        opening_times_s=opening_times_s,
        openings_m=openings_m,
        rest_z_m=rest_z,
    )


def _turns(R_start: FloatArray, R_grasp: FloatArray, turn_place: FloatArray) -> FloatArray:
    """How far each of the seven strokes turns the tool (7, 3): to the grasp, by `turn_place` (3,), and back again."""
    turns = np.zeros((7, 3))
    turns[_REACH] = rotvec_from_matrix(R_grasp @ R_start.T)
    turns[_CARRY] = turn_place
    turns[_RETREAT] = rotvec_from_matrix(R_start @ (matrix_from_rotvec(turn_place) @ R_grasp).T)
    return turns


def _closing_on(block: Block, wish: FloatArray) -> FloatArray:
    """The horizontal face normal of the block nearest to how the arm would like to close its fingers (3,)."""
    R = block.T_world_block[:3, :3]
    normals = [sign * R[:, axis] for axis in (0, 1) for sign in (-1.0, 1.0)]
    return max(normals, key=lambda normal: float(normal @ wish))


def _laid_out(
    lengths_m: FloatArray, style: MotionStyle, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, float]:
    """When each of the seven strokes begins and ends (7,), and when all is over: seconds.

    Long strokes take longer, as the square root of their length. The tool waits while the fingers close and open.
    """
    spans = np.sqrt(np.maximum(lengths_m, 0.01)) * rng.uniform(0.85, 1.15, len(lengths_m))
    overlap = rng.uniform(*style.overlap)
    pause = {_ADVANCE: 0.10 * spans.sum(), _LOWER: 0.08 * spans.sum(), _RETREAT: 0.0}
    wait = 0.03 * spans.sum()
    begins = np.empty(len(spans))
    clock = wait
    for stroke, span in enumerate(spans):
        begins[stroke] = clock
        clock += span
        clock += pause[stroke] if stroke in pause else -overlap * min(span, spans[stroke + 1])
    scale = rng.uniform(*style.duration_s) / (clock + wait)
    return begins * scale, (begins + spans) * scale, float((clock + wait) * scale)


def _fingers(
    size_m: float, begins: FloatArray, ends: FloatArray, style: MotionStyle, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Begin and end of each of four moves of the fingers (8,) in seconds, and the openings (5,) they lead between."""
    wide = min(size_m + rng.uniform(*style.finger_room_m), style.max_opening_m)
    relaxed = rng.uniform(0.6, 0.95) * wide
    preshape = begins[_REACH], 0.3 * begins[_ADVANCE] + 0.7 * ends[_ADVANCE]
    close = ends[_ADVANCE], begins[_LIFT]
    release = ends[_LOWER], begins[_CLEAR]
    relax = begins[_RETREAT], ends[_RETREAT]
    return np.array([*preshape, *close, *release, *relax]), np.array([relaxed, wide, size_m, wide, relaxed])
