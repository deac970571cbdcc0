import numpy as np
import pytest

from humandata.geometry.rotations import angle_between
from humandata.geometry.transforms import invert
from humandata.schemas.landmarks import Side
from humandata.studio.motion import HUMAN_STYLE, ROBOT_STYLE, MotionStyle, PlaceMotion, minimum_jerk, plan_place
from humandata.studio.scene import BIN_SIZE_M, BIN_WALL_M, Scene, sample_scene, sample_task

CASES = [
    (style, side, seed)
    for style, side in ((HUMAN_STYLE, "left"), (HUMAN_STYLE, "right"), (ROBOT_STYLE, "right"))
    for seed in range(6)
]
RATE_HZ = 500


def planned(style: MotionStyle, side: Side, seed: int) -> tuple[Scene, PlaceMotion]:
    rng = np.random.default_rng(seed)
    scene = sample_scene(rng)
    return scene, plan_place(scene, sample_task(scene, rng), style, rng, side)


def grid(motion: PlaceMotion) -> np.ndarray:
    return np.arange(int(motion.duration_s * RATE_HZ) + 1) / RATE_HZ


@pytest.mark.parametrize(("style", "side", "seed"), CASES)
def test_the_tool_moves_smoothly_from_rest_to_rest(style: MotionStyle, side: Side, seed: int) -> None:
    _, motion = planned(style, side, seed)
    sample = motion.at(grid(motion))
    velocity = np.diff(sample.T_world_tool[:, :3, 3], axis=0) * RATE_HZ
    assert np.linalg.norm(velocity, axis=1).max() < 2.0  # people move their hands at up to about 2 m/s
    assert np.linalg.norm(velocity[[0, -1]], axis=1).max() < 1e-3
    acceleration = np.linalg.norm(np.diff(velocity, axis=0), axis=1) * RATE_HZ
    assert acceleration.max() < 40.0  # a jump in velocity of 0.1 m/s would show as 50 m/s2
    turning = angle_between(sample.T_world_tool[:-1, :3, :3], sample.T_world_tool[1:, :3, :3]) * RATE_HZ
    assert turning.max() < 2 * np.pi
    assert np.abs(np.diff(sample.opening_m)).max() * RATE_HZ < 1.0
    low, high = style.duration_s
    assert low <= motion.duration_s <= high


@pytest.mark.parametrize(("style", "side", "seed"), CASES)
def test_the_block_hangs_on_the_tool_while_grasped_and_rests_otherwise(
    style: MotionStyle, side: Side, seed: int
) -> None:
    scene, motion = planned(style, side, seed)
    time = grid(motion)
    sample = motion.at(time)
    T_tool_block = invert(sample.T_world_tool) @ sample.T_world_block
    held = T_tool_block[sample.grasped]
    np.testing.assert_allclose(held, np.broadcast_to(held[0], held.shape), atol=1e-9)
    np.testing.assert_allclose(sample.opening_m[sample.grasped], motion.block.size_m, atol=1e-9)
    before = sample.T_world_block[time < motion.grasp_s]
    np.testing.assert_array_equal(before, np.broadcast_to(motion.block.T_world_block, before.shape))
    jumps = np.linalg.norm(np.diff(sample.T_world_block[:, :3, 3], axis=0), axis=1)
    assert jumps.max() < 2.0 / RATE_HZ

    T_bin_block = invert(scene.bin(motion.task.bin_side).T_world_bin) @ sample.T_world_block[-1]
    assert np.abs(T_bin_block[:2, 3]).max() < (BIN_SIZE_M[0] - motion.block.size_m) / 2
    assert T_bin_block[2, 3] == pytest.approx(BIN_WALL_M + motion.block.size_m / 2)


@pytest.mark.parametrize(("style", "side", "seed"), CASES)
def test_the_fingers_close_on_two_faces_of_the_block(style: MotionStyle, side: Side, seed: int) -> None:
    _, motion = planned(style, side, seed)
    sample = motion.at([motion.closing_s, motion.grasp_s])
    along = motion.block.T_world_block[:3, :3].T @ sample.T_world_tool[1, :3, 0]
    assert np.abs(along).max() == pytest.approx(1.0)
    assert sample.opening_m[0] > motion.block.size_m + 0.01
    still = np.linalg.norm(sample.T_world_tool[1, :3, 3] - sample.T_world_tool[0, :3, 3])
    assert still < 1e-9
    reach = sample.T_world_tool[1, :3, 3] - motion.block.T_world_block[:3, 3]
    assert np.linalg.norm(reach) < motion.block.size_m / 2


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_hand_comes_from_behind_with_its_palm_inwards_and_a_robot_from_above(side: Side) -> None:
    for seed in range(6):
        hand = planned(HUMAN_STYLE, side, seed)[1].at([0.0]).T_world_tool[0]
        assert hand[2, 2] < -0.4
        reaching = planned(HUMAN_STYLE, side, seed)[1]
        at_block = reaching.at([reaching.grasp_s]).T_world_tool[0]
        assert at_block[0, 2] > 0.0
        assert (at_block[1, 0] > 0.0) == (side == "right")
        robot = planned(ROBOT_STYLE, side, seed)[1]
        assert robot.at([robot.grasp_s]).T_world_tool[0, 2, 2] < -0.99


def test_a_robot_leans_forward_at_rest_turns_to_the_block_and_back_to_its_heading() -> None:
    yaws = []
    for seed in range(6):
        motion = planned(ROBOT_STYLE, "right", seed)[1]
        poses = motion.at([0.0, motion.grasp_s, motion.release_s, motion.duration_s]).T_world_tool
        for rest in poses[[0, 3]]:
            assert rest[0, 2] > 0.2
            assert rest[1, 0] > 0.9
        assert poses[2, 1, 0] > 0.95  # headed within 0.1 rad, and placed within 0.1 rad of that
        yaws.append(np.arccos(poses[1, 1, 0]))
    assert max(yaws) > 0.4  # blocks are turned by up to pi / 4


def test_minimum_jerk_rests_at_both_ends() -> None:
    share = minimum_jerk(np.array([-1.0, 0.0, 0.5, 1.0, 2.0]))
    np.testing.assert_allclose(share, [0.0, 0.0, 0.5, 1.0, 1.0])
    assert minimum_jerk(np.array([1e-3]))[0] < 1e-7
