"""Actions mean the same whatever the rate, the frame and the body, and decode to the motion they were made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from humandata.actions import (
    ACTION_DIM,
    ACTION_LAYOUT,
    STATE_DIM,
    STATE_LAYOUT,
    ActionGrid,
    ActionPolicy,
    decode_chunk,
    decode_head,
    encode_chunks,
    encode_states,
    make_track,
)
from humandata.arrays import FloatArray
from humandata.geometry.rotations import angle_between, matrix_from_rotvec
from humandata.geometry.transforms import invert, make_transform
from humandata.schemas.episode import ArmTrack, CameraMotion, Episode, Provenance, WorldFrame
from humandata.schemas.landmarks import SIDES

TRUSTING = ActionPolicy()


def smooth_pose(seconds: FloatArray, phase: float) -> FloatArray:
    """T_world_ee (T, 4, 4) of a motion of up to 0.12 m/s and 0.4 rad/s."""
    waves = np.stack([np.sin(seconds * rate + phase) for rate in (0.6, 0.9, 0.4)], axis=-1)
    return make_transform(matrix_from_rotvec(0.3 * waves + [0.2, phase, 0.1]), 0.1 * waves + [0.3, 0.1 * phase, 0.2])


def make_episode(
    rate_hz: float = 15.0,
    seconds: float = 4.0,
    embodiment: str = "human_hands",
    camera_motion: CameraMotion = "sidecar",
    world_frame: WorldFrame = "gravity",
    jitter: FloatArray | None = None,
) -> Episode:
    num_steps = int(seconds * rate_hz) + 1
    times = np.arange(num_steps) / rate_hz + (0.0 if jitter is None else np.resize(jitter, num_steps) / rate_hz)
    timestamp_ns = 7_000_000_000 + np.rint(times * 1e9).astype(np.int64)
    arms = {
        side: ArmTrack(
            T_world_ee=smooth_pose(times, phase),
            valid=np.ones(num_steps, bool),
            interpolated=np.zeros(num_steps, bool),
            confidence=np.ones(num_steps),
            gripper_opening=0.5 + 0.5 * np.sin(times + phase),
            aperture_m=np.full(num_steps, np.nan),
        )
        for side, phase in zip(SIDES, (0.3, 1.1), strict=True)
    }
    return Episode(
        id="e",
        embodiment=embodiment,
        task=None,
        input="in.mp4",
        input_sha256="0" * 64,
        timestamp_ns=timestamp_ns,
        images={},
        arms=arms,
        T_world_camera=smooth_pose(times, 2.0),
        world_valid=np.ones(num_steps, bool),
        camera=None,
        provenance=Provenance(world_frame, camera_motion, "metric", None),
        rate_hz=rate_hz,
    )


def moved(episode: Episode, T_new_world: FloatArray) -> Episode:
    """The same episode in another world frame."""
    return replace(
        episode,
        arms={side: replace(arm, T_world_ee=T_new_world @ arm.T_world_ee) for side, arm in episode.arms.items()},
        T_world_camera=T_new_world @ episode.T_world_camera,
    )


def without_right(episode: Episode, missing: slice) -> Episode:
    """The same episode, whose right arm is lost at some steps."""
    right = episode.arms["right"]
    valid, T, opening = right.valid.copy(), right.T_world_ee.copy(), right.gripper_opening.copy()
    valid[missing], T[missing], opening[missing] = False, np.nan, np.nan
    lost = replace(right, valid=valid, T_world_ee=T, gripper_opening=opening)
    return replace(episode, arms={**episode.arms, "right": lost})


def test_layout_covers_every_dimension_once() -> None:
    covered = np.concatenate([np.arange(ACTION_DIM)[part] for part in ACTION_LAYOUT.values()])
    assert covered.tolist() == list(range(26))
    assert STATE_DIM == 20
    assert all(ACTION_LAYOUT[name] == part for name, part in STATE_LAYOUT.items())


@settings(max_examples=20)
@given(
    rotvec=st.tuples(*[st.floats(-3, 3)] * 3),
    position=st.tuples(*[st.floats(-2, 2)] * 3),
    rate_hz=st.floats(5, 60),
    jitter=st.lists(st.floats(0, 0.8), min_size=1, max_size=7),
    slowdown=st.floats(0.5, 4),
)
def test_decoding_returns_the_encoded_motion_in_any_frame(
    rotvec: tuple[float, ...], position: tuple[float, ...], rate_hz: float, jitter: list[float], slowdown: float
) -> None:
    T_new_world = make_transform(matrix_from_rotvec(rotvec), position)
    episode = make_episode(rate_hz, jitter=np.asarray(jitter))
    grid = ActionGrid(horizon=8, rate_hz=30.0, slowdown=slowdown)
    actions, mask = encode_chunks(make_track(episode, TRUSTING), [3], grid)
    assert mask.all()
    np.testing.assert_allclose(
        encode_chunks(make_track(moved(episode, T_new_world), TRUSTING), [3], grid)[0], actions, atol=1e-9
    )

    # Linear between stored samples of a motion with |p''| <= 0.081 m/s^2: at most p'' dt^2 / 8, dt <= 1.8 / 5 s.
    when = (episode.timestamp_ns[3] - 7_000_000_000 + grid.offsets_ns) / 1e9
    T_now = np.stack([episode.arms[side].T_world_ee[3] for side in SIDES])
    T_decoded, opening = decode_chunk(actions[0], T_now)
    for arm, phase in enumerate((0.3, 1.1)):
        np.testing.assert_allclose(T_decoded[arm, :, :3, 3], smooth_pose(when, phase)[:, :3, 3], atol=2e-3)
        np.testing.assert_allclose(opening[arm], 0.5 + 0.5 * np.sin(when + phase), atol=1e-2)
    T_head = decode_head(actions[0], episode.T_world_camera[3])
    np.testing.assert_allclose(T_head[:, :3, 3], smooth_pose(when, 2.0)[:, :3, 3], atol=2e-3)
    assert angle_between(T_head[:, :3, :3], smooth_pose(when, 2.0)[:, :3, :3]).max() < 1e-2


def test_on_its_own_steps_a_chunk_is_exact() -> None:
    episode = make_episode(rate_hz=30.0)
    T_now = np.stack([episode.arms[side].T_world_ee[10] for side in SIDES])
    actions, _ = encode_chunks(make_track(episode, TRUSTING), [10], ActionGrid(20, 30.0))
    T_decoded, _ = decode_chunk(actions[0], T_now)
    expected = np.stack([episode.arms[side].T_world_ee[11:31] for side in SIDES])
    np.testing.assert_allclose(T_decoded, expected, atol=1e-12)


def test_sources_of_any_rate_give_the_same_chunk() -> None:
    grid = ActionGrid(50, 30.0)
    chunks = [encode_chunks(make_track(make_episode(rate), TRUSTING), [int(rate)], grid)[0] for rate in (5, 15, 30, 50)]
    # The 5 Hz source is the coarsest: p'' dt^2 / 8 = 0.081 * 0.04 / 8 = 0.4 mm, 1.2e-3 rad, and 2.5e-3 of opening.
    for chunk in chunks[:-1]:
        np.testing.assert_allclose(chunk, chunks[-1], atol=3e-3)


def test_slowdown_of_two_plays_half_the_motion_in_as_many_steps() -> None:
    track = make_track(make_episode(30.0), TRUSTING)
    full, _ = encode_chunks(track, [5], ActionGrid(10, 30.0))
    slow, _ = encode_chunks(track, [5], ActionGrid(20, 30.0, slowdown=2.0))
    np.testing.assert_allclose(slow[:, 1::2], full, atol=1e-12)


def test_targets_past_the_end_are_masked_and_zero() -> None:
    episode = make_episode(15.0)
    actions, mask = encode_chunks(
        make_track(episode, TRUSTING), [episode.num_steps - 3, episode.num_steps - 1], ActionGrid(6, 15.0)
    )
    assert mask[0, :2].all()
    assert not mask[0, 2:].any()
    assert not mask[1].any()
    assert (actions[~mask] == 0.0).all()


def test_a_lost_arm_is_masked_around_the_loss_and_the_other_is_not() -> None:
    episode = without_right(make_episode(15.0), slice(20, 25))
    actions, mask = encode_chunks(make_track(episode, TRUSTING), [15, 22], ActionGrid(24, 30.0))
    right = mask[0, :, ACTION_LAYOUT["right_position"]].all(axis=1)
    # From step 15 at 15 Hz, target k is step 15 + k / 2: k = 9 needs steps 19 and 20; k = 20 is step 25.
    assert right.tolist() == [k <= 8 or k >= 20 for k in range(1, 25)]
    assert mask[0, :, ACTION_LAYOUT["left_position"]].all()
    assert not mask[1, :, ACTION_LAYOUT["right_gripper"]].any()
    assert np.isfinite(actions).all()


def test_nothing_is_interpolated_across_a_long_gap() -> None:
    episode = make_episode(15.0)
    late = episode.timestamp_ns + np.where(np.arange(episode.num_steps) > 20, 600_000_000, 0)
    _, mask = encode_chunks(make_track(replace(episode, timestamp_ns=late), TRUSTING), [20], ActionGrid(25, 30.0))
    # Step 21 comes 0.667 s later, which is target 20.
    assert mask[0].all(axis=1).tolist() == [k >= 20 for k in range(1, 26)]


def test_float32_timestamps_reach_the_last_step() -> None:
    episode = make_episode(30.0)
    noisy = episode.timestamp_ns + np.resize([60_000, -60_000], episode.num_steps)
    _, mask = encode_chunks(
        make_track(replace(episode, timestamp_ns=noisy), TRUSTING), [episode.num_steps - 2], ActionGrid(1, 30.0)
    )
    assert mask[0, 0, ACTION_LAYOUT["left_position"]].all()


def test_a_frame_that_is_not_inertial_is_masked_unless_the_camera_is_declared_static() -> None:
    episode = replace(make_episode(camera_motion="unknown", world_frame="camera"), world_valid=np.zeros(61, bool))
    episode = replace(episode, T_world_camera=np.full((61, 4, 4), np.nan))
    grid = ActionGrid(5, 30.0)
    assert not encode_chunks(make_track(episode, TRUSTING), [4], grid)[1].any()
    actions, mask = encode_chunks(make_track(episode, ActionPolicy(static_camera=True)), [4], grid)
    assert mask[0, :, ACTION_LAYOUT["left_position"]].all()
    assert not mask[0, :, ACTION_LAYOUT["head_position"]].any()
    np.testing.assert_allclose(
        actions[..., :20], encode_chunks(make_track(make_episode(), TRUSTING), [4], grid)[0][..., :20]
    )


@pytest.mark.parametrize(
    ("embodiment", "camera_motion", "expected"),
    [
        ("human_hands", "sidecar", True),
        ("human_hands", "sfm", True),
        ("human_hands", "static", False),
        ("human_hands", "unknown", False),
        ("franka_panda", "sidecar", False),
    ],
)
def test_only_a_head_that_moves_has_head_motion(embodiment: str, camera_motion: CameraMotion, expected: bool) -> None:
    episode = make_episode(embodiment=embodiment, camera_motion=camera_motion)
    _, mask = encode_chunks(make_track(episode, TRUSTING), [4], ActionGrid(5, 30.0))
    assert mask[..., ACTION_LAYOUT["head_position"]].all() == expected
    assert mask[..., ACTION_LAYOUT["head_rotvec"]].any() == expected


def test_what_is_not_trusted_is_masked_in_action_and_state() -> None:
    track = make_track(make_episode(), ActionPolicy(mask_rotation=True, mask_gripper=True))
    for values, mask, layout in (
        (*encode_chunks(track, [4], ActionGrid(5, 30.0)), ACTION_LAYOUT),
        (*encode_states(track, [4]), STATE_LAYOUT),
    ):
        for name, part in layout.items():
            assert mask[..., part].all() == (not name.endswith(("rot6d", "gripper")))
            assert mask[..., part].all() or (values[..., part] == 0.0).all()


def test_the_state_is_in_the_camera_where_it_is_known_and_in_the_base_elsewhere() -> None:
    episode = without_right(make_episode(), slice(4, 5))
    states, mask = encode_states(make_track(episode, TRUSTING), [3, 4])
    T_camera_ee = invert(episode.T_world_camera[3]) @ episode.arms["right"].T_world_ee[3]
    np.testing.assert_allclose(states[0, STATE_LAYOUT["right_position"]], T_camera_ee[:3, 3])
    assert mask[0].all()
    assert not mask[1, STATE_LAYOUT["right_rot6d"]].any()

    robot = replace(
        make_episode(embodiment="franka_panda", world_frame="base"), T_world_camera=np.full((61, 4, 4), np.nan)
    )
    states, _ = encode_states(make_track(robot, TRUSTING), [3])
    np.testing.assert_allclose(states[0, STATE_LAYOUT["left_position"]], robot.arms["left"].T_world_ee[3, :3, 3])


def test_many_steps_at_once_are_the_steps_one_by_one() -> None:
    track = make_track(without_right(make_episode(), slice(20, 25)), TRUSTING)
    grid = ActionGrid(12, 30.0, slowdown=1.5)
    actions, mask = encode_chunks(track, np.arange(61), grid)
    for step in (0, 17, 30, 60):
        one, one_mask = encode_chunks(track, [step], grid)
        np.testing.assert_array_equal(actions[step], one[0])
        np.testing.assert_array_equal(mask[step], one_mask[0])
