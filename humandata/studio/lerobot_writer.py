"""Episodes as a LeRobot v3.0 dataset, in DROID's conventions.

State and action are x, y, z, roll, pitch, yaw of the tool in the base frame, and the gripper, 0 when open and 1 when
closed; the action is the next state. The layout follows huggingface/lerobot, `src/lerobot/datasets/utils.py`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from humandata.arrays import Float32Array, FloatArray, IntArray
from humandata.embodiments import get_embodiment
from humandata.geometry.rotations import rpy_from_matrix
from humandata.geometry.transforms import invert
from humandata.studio.robot_episode import RobotStates

ROBOT_TYPE = "franka_panda_robotiq_2f85"
STATE_NAMES = ("x", "y", "z", "roll", "pitch", "yaw", "gripper")
VIDEO_KEY = "observation.images.exterior_1_left"
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
EPISODES_PATH = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
SCALARS = {
    "timestamp": "float32",
    "frame_index": "int64",
    "episode_index": "int64",
    "index": "int64",
    "task_index": "int64",
}


@dataclass(frozen=True)
class LeRobotEpisode:
    """One episode's task, state and action (N, 7) float32, and which frames of which video file are its own."""

    task: str
    state: Float32Array
    action: Float32Array
    video_file: int
    first_video_frame: int


def droid_vectors(states: RobotStates) -> FloatArray:
    """States (N, 7) in DROID's conventions."""
    embodiment = get_embodiment(ROBOT_TYPE)
    T_base_tool = states.T_base_ee @ invert(embodiment.T_tool_ee)
    gripper = embodiment.gripper.reading(states.opening_m / embodiment.gripper.max_aperture_m)
    return np.concatenate([T_base_tool[:, :3, 3], rpy_from_matrix(T_base_tool[:, :3, :3]), gripper[:, None]], axis=1)


def video_file(root: Path, number: int) -> Path:
    """Where the video file of that number lies."""
    return root / VIDEO_PATH.format(video_key=VIDEO_KEY, chunk_index=0, file_index=number)


def write_lerobot(root: Path, episodes: Sequence[LeRobotEpisode], fps: int, width: int, height: int) -> None:
    """Write all but the videos, which are there: one data file with a row group an episode, then meta/."""
    tasks = sorted({episode.task for episode in episodes})
    starts = np.cumsum([0, *(len(episode.state) for episode in episodes)])
    _write_data(root / DATA_PATH.format(chunk_index=0, file_index=0), episodes, starts, tasks, fps)
    _write_tasks(root / "meta/tasks.parquet", tasks)
    _write_episodes(root / EPISODES_PATH.format(chunk_index=0, file_index=0), episodes, starts, fps)
    _write_json(root / "meta/stats.json", _statistics(episodes))
    _write_json(root / "meta/info.json", _info(len(episodes), int(starts[-1]), len(tasks), fps, width, height))


def _write_data(path: Path, episodes: Sequence[LeRobotEpisode], starts: IntArray, tasks: list[str], fps: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    vector = pa.list_(pa.float32(), len(STATE_NAMES))
    fields = [("observation.state", vector), ("action", vector)]
    schema = pa.schema(fields + [(name, pa.type_for_alias(dtype)) for name, dtype in SCALARS.items()])
    path.parent.mkdir(parents=True)
    with pq.ParquetWriter(path, schema, compression="snappy") as writer:
        for number, episode in enumerate(episodes):
            frame = np.arange(len(episode.state))
            columns = {
                "observation.state": list(episode.state),
                "action": list(episode.action),
                "timestamp": (frame / fps).astype(np.float32),
                "frame_index": frame,
                "episode_index": np.full(len(frame), number),
                "index": frame + starts[number],
                "task_index": np.full(len(frame), tasks.index(episode.task)),
            }
            writer.write_table(pa.table(columns, schema=schema))


def _write_tasks(path: Path, tasks: list[str]) -> None:
    """A table that pandas reads as a frame indexed by the task, through the metadata pandas itself would write."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def described(name: str | None, field: str, pandas_type: str, numpy_type: str) -> dict[str, str | None]:
        return {
            "name": name,
            "field_name": field,
            "pandas_type": pandas_type,
            "numpy_type": numpy_type,
            "metadata": None,
        }

    index = "__index_level_0__"
    pandas = {
        "index_columns": [index],
        "column_indexes": [],
        "columns": [
            described("task_index", "task_index", "int64", "int64"),
            described(None, index, "unicode", "object"),
        ],
        "pandas_version": "2.0.0",
    }
    table = pa.table({"task_index": pa.array(range(len(tasks)), pa.int64()), index: pa.array(tasks, pa.string())})
    path.parent.mkdir(parents=True)
    pq.write_table(table.replace_schema_metadata({"pandas": json.dumps(pandas)}), path)


def _write_episodes(path: Path, episodes: Sequence[LeRobotEpisode], starts: IntArray, fps: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = []
    for number, episode in enumerate(episodes):
        length = len(episode.state)
        rows.append(
            {
                "episode_index": number,
                "tasks": [episode.task],
                "length": length,
                "dataset_from_index": int(starts[number]),
                "dataset_to_index": int(starts[number + 1]),
                "data/chunk_index": 0,
                "data/file_index": 0,
                "meta/episodes/chunk_index": 0,
                "meta/episodes/file_index": 0,
                f"videos/{VIDEO_KEY}/chunk_index": 0,
                f"videos/{VIDEO_KEY}/file_index": episode.video_file,
                f"videos/{VIDEO_KEY}/from_timestamp": episode.first_video_frame / fps,
                f"videos/{VIDEO_KEY}/to_timestamp": (episode.first_video_frame + length) / fps,
            }
        )
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), path)


def _statistics(episodes: Sequence[LeRobotEpisode]) -> dict[str, dict[str, list[float]]]:
    columns = {
        "observation.state": np.concatenate([episode.state for episode in episodes]),
        "action": np.concatenate([episode.action for episode in episodes]),
    }
    statistics = {}
    for name, column in columns.items():
        values = column.astype(np.float64)
        statistics[name] = {
            "min": values.min(axis=0).tolist(),
            "max": values.max(axis=0).tolist(),
            "mean": values.mean(axis=0).tolist(),
            "std": values.std(axis=0).tolist(),
            "count": [float(len(values))],
        }
    return statistics


def _info(num_episodes: int, num_frames: int, num_tasks: int, fps: int, width: int, height: int) -> dict[str, Any]:
    vector = {"dtype": "float32", "shape": [len(STATE_NAMES)], "names": list(STATE_NAMES)}
    video = {
        "dtype": "video",
        "shape": [height, width, 3],
        "names": ["height", "width", "channels"],
        "info": {
            "video.height": height,
            "video.width": width,
            "video.codec": "h264",
            "video.pix_fmt": "yuv420p",
            "video.is_depth_map": False,
            "video.fps": fps,
            "video.channels": 3,
            "has_audio": False,
        },
    }
    scalars = {name: {"dtype": dtype, "shape": [1], "names": None} for name, dtype in SCALARS.items()}
    return {
        "codebase_version": "v3.0",
        "robot_type": ROBOT_TYPE,
        "total_episodes": num_episodes,
        "total_frames": num_frames,
        "total_tasks": num_tasks,
        "chunks_size": 1000,
        "data_files_size_in_mb": 100,
        "video_files_size_in_mb": 200,
        "fps": fps,
        "splits": {"train": f"0:{num_episodes}"},
        "data_path": DATA_PATH,
        "video_path": VIDEO_PATH,
        "features": {VIDEO_KEY: video, "observation.state": vector, "action": vector, **scalars},
    }


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
