from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from reader_builders import LeRobotDataset, make_motion, write_robomimic

from humandata.embodiments import get_embodiment
from humandata.embodiments.embodiment import Embodiment
from humandata.errors import InputError, UsageError
from humandata.geometry.rotations import angle_between
from humandata.readers import open_dataset
from humandata.readers.camera_names import image_columns, primary_camera
from humandata.readers.conversion import IngestRecipe, robot_embodiment, to_episode
from humandata.readers.reader import Recording
from humandata.schemas.episode import Episode
from humandata.video.images import decode_image

PANDA = get_embodiment("franka_panda")


def convert(recording: Recording, embodiment: Embodiment = PANDA, recipe: IngestRecipe | None = None) -> Episode:
    return to_episode(
        recording,
        embodiment,
        recipe or IngestRecipe(),
        input_name="demo",
        input_sha256="0" * 64,
        recipe_sha256="1" * 64,
    )


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return open_dataset(write_robomimic(tmp_path / "can.hdf5", [make_motion(0)])).read("demo_0")


def test_one_motion_in_two_conventions_arrives_in_one_frame(tmp_path: Path) -> None:
    motion = make_motion(0)
    lerobot = open_dataset(LeRobotDataset([motion]).write(tmp_path / "droid"))
    robomimic = open_dataset(write_robomimic(tmp_path / "can.hdf5", [motion]))
    one = convert(lerobot.read("episode_000000"), robot_embodiment(lerobot.robot, None)).arms["right"]
    other = convert(robomimic.read("demo_0"), robot_embodiment(robomimic.robot, None)).arms["right"]
    # The LeRobot state is float32: 6e-8 of the numbers, 1e-7 rad of angles of up to pi, over a lever of 0.145 m.
    for arm in (one, other):
        np.testing.assert_allclose(arm.T_world_ee[:, :3, 3], motion.T_base_ee[:, :3, 3], atol=1e-6)
        assert angle_between(arm.T_world_ee[:, :3, :3], motion.T_base_ee[:, :3, :3]).max() < 1e-5
        np.testing.assert_allclose(arm.gripper_opening, motion.opening, atol=1e-6)
        assert arm.valid.all()
    np.testing.assert_allclose(one.T_world_ee, other.T_world_ee, atol=1e-5)
    np.testing.assert_allclose(one.aperture_m, 0.085 * motion.opening, atol=1e-6)
    np.testing.assert_allclose(other.aperture_m, 0.08 * motion.opening, atol=1e-6)


def test_an_episode_says_what_is_not_known(recording: Recording) -> None:
    episode = convert(recording)
    assert episode.embodiment == "franka_panda"
    assert set(episode.arms) == {"right"}
    assert np.isnan(episode.T_world_camera).all()
    assert episode.world_valid.all()
    assert episode.camera is None
    assert episode.provenance.camera_motion == "unknown"
    assert episode.provenance.scale == "metric"
    assert episode.rate_hz == 20.0


def test_pictures_are_stored_small_with_the_primary_camera_first(recording: Recording) -> None:
    episode = convert(recording, recipe=IngestRecipe(max_side_px=32, jpeg_quality=95))
    assert list(episode.images) == ["image", "image_robot0_eye_in_hand"]
    picture = decode_image(episode.images["image"][5])
    assert picture.shape == (24, 32, 3)
    assert np.abs(picture.mean(axis=(0, 1)) - make_motion(0).picture(5)[0, 0]).max() < 5  # compression
    assert decode_image(convert(recording).images["image"][0]).shape == (48, 64, 3)
    assert list(convert(recording, recipe=IngestRecipe(camera="robot0_eye_in_hand")).images) == [
        "image",
        "image_agentview",
    ]
    with pytest.raises(UsageError, match="Valid: agentview, robot0_eye_in_hand"):
        convert(recording, recipe=IngestRecipe(camera="front"))


def test_a_step_without_a_number_is_not_valid(recording: Recording) -> None:
    T_world_tool, reading = recording.T_world_tool.copy(), recording.gripper_reading.copy()
    T_world_tool[3], reading[5] = np.nan, np.nan
    arm = convert(replace(recording, T_world_tool=T_world_tool, gripper_reading=reading)).arms["right"]
    assert np.flatnonzero(~arm.valid).tolist() == [3, 5]
    for values in (arm.T_world_ee[:, 0, 0], arm.gripper_opening, arm.aperture_m, arm.confidence):
        assert np.flatnonzero(np.isnan(values)).tolist() == [3, 5]
    with pytest.raises(InputError, match="no step has"):
        convert(replace(recording, gripper_reading=np.full(12, np.nan)))


def test_a_gripper_of_another_robot_is_noticed(recording: Recording) -> None:
    with pytest.raises(InputError, match=r"reads 0\.\d+, but on franka_panda .* --embodiment"):
        convert(replace(recording, gripper_reading=np.linspace(0.0, 1.0, 12)))


def test_times_and_pictures_must_fit(recording: Recording) -> None:
    with pytest.raises(InputError, match="time does not increase after step 1"):
        convert(replace(recording, timestamp_ns=recording.timestamp_ns % 100_000_000))
    with pytest.raises(InputError, match="1 steps"):
        convert(replace(recording, timestamp_ns=recording.timestamp_ns[:1]))
    with pytest.raises(InputError, match="no camera"):
        convert(replace(recording, cameras={}))
    short = {"agentview": lambda: iter([make_motion(0).picture(0)])}
    with pytest.raises(InputError, match="camera 'agentview': 1 pictures for 12 steps"):
        convert(replace(recording, cameras=short))


def test_the_robot_is_found_by_its_name_or_by_the_users_word() -> None:
    assert robot_embodiment("Panda", None).name == "franka_panda"
    assert robot_embodiment("Panda", "droid").name == "franka_panda_robotiq_2f85"
    for robot, wanted, message in (
        ("so100", None, "'so100', which is not known"),
        (None, None, "does not say"),
        ("Panda", "human_hands", "not a robot"),
    ):
        with pytest.raises(UsageError, match=rf"{message}.*--embodiment: franka_panda, franka_panda_robotiq_2f85"):
            robot_embodiment(robot, wanted)
    with pytest.raises(UsageError, match="Did you mean 'franka_panda'"):
        robot_embodiment(None, "franka_pandas")


@pytest.mark.parametrize(
    ("cameras", "primary"),
    [
        (["wrist", "exterior_2_left", "front"], "front"),
        (["wrist_left", "exterior_1_left", "exterior_2_left"], "exterior_1_left"),
        (["wrist", "side"], "side"),
        (["wrist"], "wrist"),
    ],
)
def test_the_camera_that_sees_the_scene_is_primary(cameras: list[str], primary: str) -> None:
    assert primary_camera(cameras) == primary


def test_columns_of_cameras_are_plain_and_unique() -> None:
    columns = image_columns(["front", "Wrist.left", "wrist/left"], "front")
    assert columns == {"front": "image", "Wrist.left": "image_wrist_left", "wrist/left": "image_wrist_left_"}
