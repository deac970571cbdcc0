from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from humandata.errors import InputError
from humandata.readers.state_names import find_state, flatten_names

ROTATION = Rotation.from_rotvec([[0.3, -0.8, 1.2], [0.1, 0.2, 0.3]])
POSITION = np.array([[0.4, 0.1, 0.2], [0.5, 0.1, 0.3]])


@pytest.mark.parametrize(
    ("names", "rotation"),
    [
        (["roll", "pitch", "yaw"], ROTATION.as_euler("xyz")),
        (["qx", "qy", "qz", "qw"], ROTATION.as_quat()),
        (["qw", "qx", "qy", "qz"], ROTATION.as_quat(scalar_first=True)),
        (["quat_x", "quat_y", "quat_z", "quat_w"], -ROTATION.as_quat()),
        (["rx", "ry", "rz", "rw"], ROTATION.as_quat()),
        (["axis_angle1", "axis_angle2", "axis_angle3"], ROTATION.as_rotvec()),
        (["rotvec.x", "rotvec.y", "rotvec.z"], ROTATION.as_rotvec()),
    ],
)
def test_each_kind_of_rotation_is_understood(names: list[str], rotation: np.ndarray) -> None:
    state = find_state({"pose": ["EE.x", "ee_pos_y", "tcp_z", *names, "gripper.pos"]})
    assert state is not None
    values = {"pose": np.concatenate([POSITION, rotation, [[0.25], [0.5]]], axis=1)}
    T = state.tool_pose(values, "a.parquet")
    np.testing.assert_allclose(T[:, :3, :3], ROTATION.as_matrix(), atol=1e-12)
    np.testing.assert_array_equal(T[:, :3, 3], POSITION)
    np.testing.assert_array_equal(state.gripper_reading(values), [0.25, 0.5])


@pytest.mark.parametrize(
    "names",
    [
        ["x", "y", "z", "rx", "ry", "rz", "gripper"],
        ["x", "y", "z", "roll", "pitch", "yaw"],
        ["x", "y", "z", "x", "roll", "pitch", "yaw", "gripper"],
        ["x_velocity", "y_velocity", "z_velocity", "roll", "pitch", "yaw", "gripper"],
        ["delta_x", "delta_y", "delta_z", "roll", "pitch", "yaw", "gripper"],
        ["shoulder_pan.pos", "wrist_roll.pos", "wrist_flex.pos", "gripper.pos"],
        ["x", "y", "z", "roll", "pitch", "yaw", "gripper", "gripper", "gripper"],
    ],
)
def test_what_may_mean_another_thing_is_not_guessed(names: list[str]) -> None:
    assert find_state({"state": names}) is None


def test_two_fingers_are_read_as_their_distance() -> None:
    for fingers in (["gripper", "gripper"], ["gripper_0", "gripper_1"], ["left_finger", "right_finger"]):
        state = find_state({"state": ["x", "y", "z", "roll", "pitch", "yaw", *fingers]})
        assert state is not None
        values = {"state": np.array([[0.4, 0, 0, 0, 0, 0, 0.03, -0.03], [0.4, 0, 0, 0, 0, 0, 0.03, 0.03]])}
        np.testing.assert_allclose(state.gripper_reading(values), 0.06)


def test_a_missing_number_is_missing_and_a_wrong_unit_is_an_error() -> None:
    euler = find_state({"state": ["x", "y", "z", "roll", "pitch", "yaw", "gripper"]})
    quaternion = find_state({"state": ["x", "y", "z", "qx", "qy", "qz", "qw", "gripper"]})
    assert euler is not None
    assert quaternion is not None
    T = euler.tool_pose({"state": np.array([[0.4, 0, 0, 0, np.nan, 0, 1], [0.4, 0, 0, 0, 0, 0, 1]])}, "a.parquet")
    assert np.isnan(T[0]).all()
    assert np.isfinite(T[1]).all()
    assert np.isnan(quaternion.tool_pose({"state": np.array([[0.4, 0, 0, 0, 0, 0, 0, 1]])}, "a.parquet")).all()
    with pytest.raises(InputError, match=r"a\.parquet: .*degrees"):
        euler.tool_pose({"state": np.array([[0.4, 0, 0, 0, 170.0, 0, 1]])}, "a.parquet")
    with pytest.raises(InputError, match=r"a\.parquet: .*metres"):
        euler.tool_pose({"state": np.array([[400.0, 0, 0, 0, 0, 0, 1]])}, "a.parquet")
    with pytest.raises(InputError, match=r"a\.parquet: .*length 0\.5"):
        quaternion.tool_pose({"state": np.array([[0.4, 0, 0, 0, 0, 0, 0.5, 1]])}, "a.parquet")


@pytest.mark.parametrize(
    "names", [["x", "y"], [["x", "y"]], {"motors": ["x", "y"]}, {"a": ["x"], "b": ["y"]}, {"y": 1, "x": 0}]
)
def test_names_are_found_in_every_shape_lerobot_has_them_in(names: object) -> None:
    assert flatten_names(names) == ("x", "y")


def test_no_names_are_no_names() -> None:
    assert flatten_names(None) == ()
