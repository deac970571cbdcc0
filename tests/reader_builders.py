"""One motion of a robot, written as the datasets of two conventions, by code that shares nothing with the readers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.spatial.transform import Rotation

from humandata.arrays import Float32Array, FloatArray, Image

FPS = 15
TASK = "put the red block in the left bin"
POSE_NAMES = ("x", "y", "z", "roll", "pitch", "yaw", "gripper")
CAMERA_KEYS = ("observation.images.front", "observation.images.wrist")
DATA_FILE = Path("data/chunk-000/file-000.parquet")
VIDEO_FILE = Path("videos/observation.images.front/chunk-000/file-000.mp4")

DROID_FLANGE_EE = np.array([[0.0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0.145], [0, 0, 0, 1]])
"""Where the EE is from the Panda's flange with a Robotiq 2F-85: a quarter turn about the approach, 0.145 m out."""


@dataclass(frozen=True)
class Motion:
    """A motion of the EE frame and the opening of the gripper; step i of motion n has pictures of brightness n, i."""

    T_base_ee: FloatArray
    opening: FloatArray
    number: int

    def picture(self, step: int) -> Image:
        """48 x 64; red tells the motion, green the step."""
        picture = np.zeros((48, 64, 3), np.uint8)
        picture[..., 0] = 40 + 60 * (self.number % 4)
        picture[..., 1] = 10 + 12 * step
        return picture


def make_motion(number: int, num_steps: int = 12) -> Motion:
    """A smooth random motion within reach."""
    rng = np.random.default_rng(number)
    phase = np.linspace(0.0, 1.0, num_steps)[:, None]
    T = np.tile(np.eye(4), (num_steps, 1, 1))
    T[:, :3, 3] = [0.5, 0.0, 0.3] + 0.2 * np.sin(phase * rng.uniform(1, 4, 3))
    T[:, :3, :3] = (
        Rotation.from_rotvec(phase * rng.normal(size=3)) * Rotation.from_euler("x", 170, degrees=True)
    ).as_matrix()
    return Motion(T, 0.5 + 0.5 * np.cos(5 * phase[:, 0]), number)


@dataclass
class LeRobotDataset:
    """What `write` lays out as LeRobot 3.0; a test changes what it is about."""

    motions: Sequence[Motion]
    info: dict[str, Any] = field(default_factory=dict)
    state_names: object = field(default_factory=lambda: list(POSE_NAMES))
    camera_dtype: str = "video"
    shuffled: bool = False

    def write(self, root: Path) -> Path:
        """The folder: all episodes in one Parquet file and one video a camera."""
        features: dict[str, Any] = {
            key: {"dtype": self.camera_dtype, "shape": [48, 64, 3], "names": ["height", "width", "channels"]}
            for key in CAMERA_KEYS
        }
        features["observation.state"] = {"dtype": "float32", "shape": [7], "names": self.state_names}
        features["action"] = {"dtype": "float32", "shape": [7], "names": list(POSE_NAMES)}
        info = {
            "codebase_version": "v3.0",
            "robot_type": "droid",
            "fps": FPS,
            "total_episodes": len(self.motions),
            "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
            "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
            "features": features,
            **self.info,
        }
        (root / "meta").mkdir(parents=True)
        (root / "meta/info.json").write_text(json.dumps(info))
        tasks = {"task_index": [0, 1], "__index_level_0__": ["something else", TASK]}
        _write(root / "meta/tasks.parquet", pa.table(tasks))
        _write(root / "meta/episodes/chunk-000/file-000.parquet", pa.Table.from_pylist(self._episode_rows()))
        _write(root / DATA_FILE, self._steps())
        if self.camera_dtype == "video":
            for key in CAMERA_KEYS:
                write_video(root / str(VIDEO_FILE).replace(CAMERA_KEYS[0], key), self._pictures())
        return root

    def _pictures(self) -> list[Image]:
        return [motion.picture(step) for motion in self.motions for step in range(len(motion.opening))]

    def _episode_rows(self) -> list[dict[str, Any]]:
        rows, first = [], 0
        for index, motion in enumerate(self.motions):
            last = first + len(motion.opening)
            row = {"episode_index": index, "tasks": [TASK], "length": last - first}
            row |= {"dataset_from_index": first, "dataset_to_index": last, "data/chunk_index": 0, "data/file_index": 0}
            for key in CAMERA_KEYS:
                row |= {f"videos/{key}/chunk_index": 0, f"videos/{key}/file_index": 0}
                row |= {f"videos/{key}/from_timestamp": first / FPS, f"videos/{key}/to_timestamp": last / FPS}
            rows.append(row)
            first = last
        return rows

    def _steps(self) -> pa.Table:
        parts = []
        for index, motion in enumerate(self.motions):
            num_steps = len(motion.opening)
            columns = {
                "observation.state": pa.array(list(droid_state(motion)), pa.list_(pa.float32(), 7)),
                "timestamp": pa.array(np.arange(num_steps) / FPS, pa.float32()),
                "frame_index": pa.array(range(num_steps), pa.int64()),
                "episode_index": pa.array([index] * num_steps, pa.int64()),
                "task_index": pa.array([1] * num_steps, pa.int64()),
            }
            if self.camera_dtype == "image":
                pictures = [{"bytes": png(motion.picture(step)), "path": None} for step in range(num_steps)]
                columns |= {key: pa.array(pictures) for key in CAMERA_KEYS}
            parts.append(pa.table(columns))
        table = pa.concat_tables(parts)
        return table.take(np.random.default_rng(0).permutation(len(table))) if self.shuffled else table


def droid_state(motion: Motion) -> Float32Array:
    """(T, 7) as DROID has it: position and roll, pitch, yaw of the flange; gripper 0 = open."""
    T_base_flange = motion.T_base_ee @ np.linalg.inv(DROID_FLANGE_EE)
    rpy = Rotation.from_matrix(T_base_flange[:, :3, :3]).as_euler("xyz")
    return np.concatenate([T_base_flange[:, :3, 3], rpy, 1.0 - motion.opening[:, None]], axis=1).astype(np.float32)


def write_robomimic(path: Path, motions: Sequence[Motion], env: dict[str, Any] | None = None) -> Path:
    """The motions as robosuite has them: pose between the fingertips, xyzw, two fingers of +-0.04 m when open."""
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        settings = {"robots": ["Panda"], "control_freq": 20}
        data.attrs["env_args"] = json.dumps({"env_name": "PickPlaceCan", "env_kwargs": settings, **(env or {})})
        for motion in motions:
            observations = data.create_group(f"demo_{motion.number}/obs")
            observations["robot0_eef_pos"] = motion.T_base_ee[:, :3, 3]
            observations["robot0_eef_quat"] = Rotation.from_matrix(motion.T_base_ee[:, :3, :3]).as_quat()
            observations["robot0_gripper_qpos"] = motion.opening[:, None] * [0.04, -0.04]
            pictures = np.stack([motion.picture(step) for step in range(len(motion.opening))])
            observations.create_dataset("robot0_eye_in_hand_image", data=pictures, chunks=(5, 48, 64, 3))
            observations["agentview_image"] = pictures
    return path


def write_video(path: Path, pictures: Sequence[Image]) -> Path:
    """An MP4 at `FPS` with B-frames and few key frames, so that reading from the middle has to find its way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=FPS, options={"crf": "10", "g": "7", "bf": "2"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = Fraction(1, FPS)
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def png(picture: Image) -> bytes:
    """The picture, encoded without loss."""
    import cv2

    return bytes(cv2.imencode(".png", picture[..., ::-1])[1])


def _write(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
