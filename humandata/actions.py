"""The shared action space: what any body did, as motion of its end effectors relative to where they are now.

A step's action is a chunk of `horizon` rows of 26 numbers. At time t, row k - 1 holds, for k = 1..horizon,

    T_world_ee(t)^-1 @ T_world_ee(t + k / (rate_hz * slowdown))

for each arm, as position (m), rot6d (the first two columns of R) and the absolute gripper opening at that time; then
the same for the head or the base, as position (m) and rotation vector (rad). The poses between stored steps are
interpolated linearly, rotations by SLERP, on true timestamps. A mask of the same shape says which numbers are known;
the others are 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from humandata.arrays import BoolArray, FloatArray, IntArray
from humandata.embodiments import get_embodiment
from humandata.geometry.rotations import matrix_from_rot6d, matrix_from_rotvec, rot6d_from_matrix, rotvec_from_matrix
from humandata.geometry.transforms import bracket, interpolate, invert, make_transform
from humandata.schemas.episode import Episode
from humandata.schemas.landmarks import SIDES


def _layout(sizes: dict[str, int]) -> dict[str, slice]:
    stops = np.cumsum(list(sizes.values()))
    return {name: slice(int(stop) - size, int(stop)) for (name, size), stop in zip(sizes.items(), stops, strict=True)}


_ARM_SIZES = {"position": 3, "rot6d": 6, "gripper": 1}
_ARMS_SIZES = {f"{side}_{name}": size for side in SIDES for name, size in _ARM_SIZES.items()}

STATE_LAYOUT: dict[str, slice] = _layout(_ARMS_SIZES)
"""Where `<side>_position`, `<side>_rot6d` and `<side>_gripper` lie in a state."""
ACTION_LAYOUT: dict[str, slice] = _layout({**_ARMS_SIZES, "head_position": 3, "head_rotvec": 3})
"""Where each part lies in an action: that of a state, then `head_position` and `head_rotvec`, which a base shares."""
STATE_DIM = max(part.stop for part in STATE_LAYOUT.values())
ACTION_DIM = max(part.stop for part in ACTION_LAYOUT.values())

MAX_GAP_S = 0.5
"""Poses are not interpolated between steps further apart: the mismatch in time above which human-policy and MotionTrans
drop an episode; it admits sources down to 2 Hz."""
TIMESTAMP_TOLERANCE_NS = 100_000
"""A target this near to a step is that step. Timestamps kept as float32 seconds are off by up to 61 us after 1000 s."""

_MOVING_CAMERAS = ("sidecar", "rgbd", "sfm")


@dataclass(frozen=True)
class ActionGrid:
    """The times of a chunk's targets: step k is k / (rate_hz * slowdown) seconds of recorded time ahead.

    `slowdown` is how much slower than recorded the motion is to be played at `rate_hz`: at 2, each target lies half as
    far ahead in the recording, so the same motion takes twice as many steps.
    """

    horizon: int
    rate_hz: float
    slowdown: float = 1.0

    @property
    def offsets_ns(self) -> IntArray:
        """(horizon,) nanoseconds of recorded time from now to each target."""
        steps = np.arange(1, self.horizon + 1)
        return np.asarray(np.rint(steps * 1e9 / (self.rate_hz * self.slowdown)), dtype=np.int64)


@dataclass(frozen=True)
class ActionPolicy:
    """What of an episode is trusted as an action."""

    static_camera: bool = False
    """The user declares that the camera stood still: its frame then counts as inertial."""
    mask_rotation: bool = False
    mask_gripper: bool = False


@dataclass(frozen=True)
class ActionTrack:
    """What actions and states are made of: the numbers of one episode of T steps, arms in the order of SIDES."""

    timestamp_ns: IntArray
    """(T,)."""
    T_inertial_ee: FloatArray
    """(2, T, 4, 4) in a frame in which poses of different steps can be compared."""
    T_view_ee: FloatArray
    """(2, T, 4, 4) in the camera's frame where the episode knows it, else in its world frame (a robot's base)."""
    arm_valid: BoolArray
    """(2, T)."""
    gripper_opening: FloatArray
    """(2, T) in [0, 1], 1 = open; NaN where unknown or not trusted."""
    inertial: BoolArray
    """(T,) steps at which the frame of `T_inertial_ee` is indeed inertial."""
    T_inertial_head: FloatArray
    """(T, 4, 4) of a head that moves, as its camera; NaN where it stands still or is not known."""
    rotation_trusted: bool


def make_track(episode: Episode, policy: ActionPolicy) -> ActionTrack:
    """Gather what actions are made of; the images are not used. UsageError where the embodiment is unknown."""
    missing = np.full((episode.num_steps, 4, 4), np.nan)
    arms = [episode.arms.get(side) for side in SIDES]
    T_world_ee = np.stack([arm.T_world_ee if arm else missing for arm in arms])
    valid = np.stack([arm.valid if arm else np.zeros(episode.num_steps, bool) for arm in arms])
    opening = np.stack([arm.gripper_opening if arm else missing[:, 0, 0] for arm in arms])
    T_camera_ee = _in_camera(episode, T_world_ee)
    camera_is_inertial = policy.static_camera and T_camera_ee is not None
    T_view_ee = T_world_ee if T_camera_ee is None else T_camera_ee
    moves = get_embodiment(episode.embodiment).kind == "human" and episode.provenance.camera_motion in _MOVING_CAMERAS
    T_inertial_ee = T_view_ee if camera_is_inertial else T_world_ee
    return ActionTrack(
        timestamp_ns=episode.timestamp_ns,
        T_inertial_ee=T_inertial_ee,
        T_view_ee=T_view_ee,
        arm_valid=valid & np.isfinite(T_inertial_ee[..., 0, 0]),
        gripper_opening=np.full_like(opening, np.nan) if policy.mask_gripper else opening,
        inertial=np.ones(episode.num_steps, bool) if camera_is_inertial else episode.world_valid,
        T_inertial_head=episode.T_world_camera if moves and not camera_is_inertial else missing,
        rotation_trusted=not policy.mask_rotation,
    )


def encode_chunks(track: ActionTrack, step_indices: ArrayLike, grid: ActionGrid) -> tuple[FloatArray, BoolArray]:
    """Actions (N, H, 26) and their mask (N, H, 26) at N steps of one episode.

    Masked are targets beyond the episode's end, between steps more than MAX_GAP_S apart, where the arm is unknown now
    or at a step the target is interpolated from, and where the frame is not inertial.
    """
    now = np.asarray(step_indices, dtype=np.int64)[:, None]
    before, after, fraction, found = _locate(track.timestamp_ns, track.timestamp_ns[now] + grid.offsets_ns)
    now = np.broadcast_to(now, before.shape)
    found &= track.inertial[now] & track.inertial[before] & track.inertial[after]
    actions = np.zeros((*before.shape, ACTION_DIM))
    mask = np.zeros(actions.shape, dtype=bool)

    def relative(T: FloatArray, at: BoolArray) -> FloatArray:
        if not at.any():
            return np.empty((0, 4, 4))
        T_now_frame = invert(T[now[:, 0]])
        if at.all():
            poses = _poses_at(T, before.ravel(), after.ravel(), fraction.ravel()).reshape(*at.shape, 4, 4)
            return np.asarray(T_now_frame[:, None] @ poses).reshape(-1, 4, 4)
        return np.asarray(T_now_frame[np.nonzero(at)[0]] @ _poses_at(T, before[at], after[at], fraction[at]))

    for arm, side in enumerate(SIDES):
        valid = track.arm_valid[arm]
        known = found & valid[now] & valid[before] & valid[after]
        T_now_target = relative(track.T_inertial_ee[arm], known)
        _put(actions, mask, f"{side}_position", known, T_now_target[:, :3, 3])
        if track.rotation_trusted:
            _put(actions, mask, f"{side}_rot6d", known, rot6d_from_matrix(T_now_target[:, :3, :3]))
        opening = track.gripper_opening[arm]
        known = known & np.isfinite(opening[before]) & np.isfinite(opening[after])
        start, end = opening[before[known]], opening[after[known]]
        _put(actions, mask, f"{side}_gripper", known, (start + fraction[known] * (end - start))[:, None])

    head_valid = np.isfinite(track.T_inertial_head[:, 0, 0])
    known = found & head_valid[now] & head_valid[before] & head_valid[after]
    T_now_target = relative(track.T_inertial_head, known)
    _put(actions, mask, "head_position", known, T_now_target[:, :3, 3])
    _put(actions, mask, "head_rotvec", known, rotvec_from_matrix(T_now_target[:, :3, :3]))
    return actions, mask


def decode_chunk(actions: ArrayLike, T_a_ee_now: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Poses T_a_ee (..., 2, H, 4, 4) and gripper openings (..., 2, H) of actions (..., H, 26), arms in order of SIDES.

    The inverse of `encode_chunks`, for both arms' poses now (..., 2, 4, 4) in any inertial frame a. The rot6d need not
    be orthonormal: a network's output.
    """
    chunk = np.asarray(actions, dtype=np.float64)
    T_now_target = np.stack(
        [
            make_transform(
                matrix_from_rot6d(chunk[..., ACTION_LAYOUT[f"{side}_rot6d"]]),
                chunk[..., ACTION_LAYOUT[f"{side}_position"]],
            )
            for side in SIDES
        ],
        axis=-4,
    )
    opening = np.stack([chunk[..., ACTION_LAYOUT[f"{side}_gripper"]][..., 0] for side in SIDES], axis=-2)
    return np.asarray(np.asarray(T_a_ee_now, dtype=np.float64)[..., None, :, :] @ T_now_target), opening


def decode_head(actions: ArrayLike, T_a_head_now: ArrayLike) -> FloatArray:
    """Poses T_a_head (..., H, 4, 4) of actions (..., H, 26), for the head's pose T_a_head_now (..., 4, 4)."""
    chunk = np.asarray(actions, dtype=np.float64)
    R = matrix_from_rotvec(chunk[..., ACTION_LAYOUT["head_rotvec"]])
    T_now_target = make_transform(R, chunk[..., ACTION_LAYOUT["head_position"]])
    return np.asarray(np.asarray(T_a_head_now, dtype=np.float64)[..., None, :, :] @ T_now_target)


def encode_states(track: ActionTrack, step_indices: ArrayLike) -> tuple[FloatArray, BoolArray]:
    """EE states (N, 20) of both arms now, and their mask (N, 20), in the frame of `ActionTrack.T_view_ee`."""
    steps = np.asarray(step_indices, dtype=np.int64)
    states = np.zeros((len(steps), STATE_DIM))
    mask = np.zeros(states.shape, dtype=bool)
    for arm, side in enumerate(SIDES):
        T_view_ee = track.T_view_ee[arm, steps]
        known = track.arm_valid[arm, steps] & np.isfinite(T_view_ee[:, 0, 0])
        _put(states, mask, f"{side}_position", known, T_view_ee[known, :3, 3])
        if track.rotation_trusted:
            _put(states, mask, f"{side}_rot6d", known, rot6d_from_matrix(T_view_ee[known, :3, :3]))
        opening = track.gripper_opening[arm, steps]
        known = known & np.isfinite(opening)
        _put(states, mask, f"{side}_gripper", known, opening[known, None])
    return states, mask


def _in_camera(episode: Episode, T_world_ee: FloatArray) -> FloatArray | None:
    """T_camera_ee (2, T, 4, 4), or None where the episode knows nothing of its camera."""
    if episode.provenance.world_frame == "camera":
        return T_world_ee
    if not np.isfinite(episode.T_world_camera).any():
        return None
    return np.asarray(invert(episode.T_world_camera) @ T_world_ee)


def _locate(timestamp_ns: IntArray, query_ns: IntArray) -> tuple[IntArray, IntArray, FloatArray, BoolArray]:
    """The steps before and after each query, the fraction between them, and whether poses may be interpolated there."""
    last = len(timestamp_ns) - 1
    index, fraction = bracket(timestamp_ns, query_ns)
    nearest = np.minimum(index + (fraction > 0.5), last)
    on_step = np.abs(query_ns - timestamp_ns[nearest]) <= TIMESTAMP_TOLERANCE_NS
    before = np.where(on_step, nearest, index)
    after = np.where(on_step, nearest, np.minimum(index + 1, last))
    inside = on_step | ((query_ns > timestamp_ns[0]) & (query_ns < timestamp_ns[last]))
    near = timestamp_ns[after] - timestamp_ns[before] <= round(MAX_GAP_S * 1e9)
    return before, after, np.where(on_step, 0.0, fraction), inside & near


def _poses_at(T: FloatArray, before: IntArray, after: IntArray, fraction: FloatArray) -> FloatArray:
    """Poses (M, 4, 4) between those of steps; where a target is a step, which is most often, there is nothing to do."""
    poses = np.asarray(T[before])
    between = np.flatnonzero(fraction)
    poses[between] = interpolate(poses[between], T[after[between]], fraction[between])
    return poses


def _put(values: FloatArray, mask: BoolArray, part: str, known: BoolArray, rows: FloatArray) -> None:
    """Write the rows of one part where it is known."""
    if not len(rows):
        return
    mask[..., ACTION_LAYOUT[part]] = known[..., None]
    if known.all():  # copied in one go
        values[..., ACTION_LAYOUT[part]] = rows.reshape(*known.shape, -1)
    else:
        values[known, ACTION_LAYOUT[part]] = rows
