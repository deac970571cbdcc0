"""LeRobot datasets, version 3.0 (huggingface/lerobot, `src/lerobot/datasets/{utils,lerobot_dataset}.py`).

Many episodes share a Parquet file and a video. `meta/episodes` says where each lies; its rows are found by their
episode number and put in order by their frame number, whatever the order of the file. A step's picture is the frame of
the video that is nearest to `from_timestamp` + the step's timestamp.

The pose of the tool is found by the names of the dimensions (`state_names`); the world is the robot's base. The task is
that of the episode's first step.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from humandata.arrays import FloatArray, Image
from humandata.dataset.identity import content_sha256
from humandata.errors import InputError, UsageError
from humandata.readers.lerobot_info import INFO_PATH, LeRobotInfo, read_info
from humandata.readers.reader import EpisodeRef, Pictures, ReaderOptions, Recording
from humandata.readers.state_names import StateMap, find_state
from humandata.readers.video_window import VideoWindow
from humandata.video.images import decode_image

_STATE_KEY = "observation.state"
_TASKS_PATH = "meta/tasks.parquet"
_ORDER = ("frame_index", "timestamp", "task_index")


class LeRobotV3Reader:
    """A dataset's folder."""

    format = "lerobot_v3"
    looked_for = f"a folder with {INFO_PATH}"

    def __init__(self, path: Path, options: ReaderOptions) -> None:
        self.path = path
        self.info: LeRobotInfo = read_info(path)
        self.robot = self.info.robot_type
        self._state = _find_state(path, self.info, options)
        self._cameras = [key for key, feature in self.info.features.items() if feature.is_camera]
        self.cameras = tuple(map(_camera_name, self._cameras))
        self._episodes = {f"episode_{row['episode_index']:06d}": row for row in self._read_episode_rows()}
        self._tasks = _read_tasks(path / _TASKS_PATH)

    @staticmethod
    def detect(path: Path) -> bool:
        """Whether there is `meta/info.json`."""
        return (path / INFO_PATH).is_file()

    def list_episodes(self) -> list[EpisodeRef]:
        """The rows of `meta/episodes`, by episode number."""
        meta = (self.path / INFO_PATH, self.path / _TASKS_PATH)
        return [EpisodeRef(name, (*meta, *self._files(row))) for name, row in self._episodes.items()]

    def content_sha256(self, name: str) -> str:
        """Hash of the rows as read, of the encoded frames behind them, and of what info.json says of both."""
        row = self._episodes[name]
        numbers = self._read_rows(row, [*_ORDER, *self._state.features])
        digest = hashlib.sha256()
        for column in numbers.column_names:
            digest.update(column.encode())
            digest.update(_matrix(numbers, column, self._data_file(row)).tobytes())
        for key in self._cameras:
            digest.update(key.encode())
            if self.info.features[key].dtype == "video":
                digest.update(self._window(row, key, numbers).sha256().encode())
            else:
                for data in _image_bytes(self._read_rows(row, ["frame_index", key]), key, self._data_file(row)):
                    digest.update(hashlib.sha256(data).digest())
        return content_sha256(
            [name, self.info.fps, self.robot, repr(self._state), self._task(numbers), digest.hexdigest()]
        )

    def read(self, name: str) -> Recording:
        """The rows of one episode; its pictures are read when they are asked for."""
        row = self._episodes[name]
        numbers = self._read_rows(row, [*_ORDER, *self._state.features])
        path = self._data_file(row)
        state = {key: self._vectors(numbers, key, path) for key in self._state.features}
        return Recording(
            task=self._task(numbers),
            timestamp_ns=np.round(_matrix(numbers, "timestamp", path)[:, 0] * 1e9).astype(np.int64),
            T_world_tool=self._state.tool_pose(state, f"{path}, {name}"),
            gripper_reading=self._state.gripper_reading(state),
            cameras={_camera_name(key): self._pictures(row, key, numbers) for key in self._cameras},
            rate_hz=float(self.info.fps),
            world_frame="base",
        )

    def _read_episode_rows(self) -> list[dict[str, Any]]:
        paths = sorted((self.path / "meta" / "episodes").glob("*/*.parquet"))
        if not paths:
            raise InputError(f"{self.path}: no meta/episodes/chunk-*/file-*.parquet, so its episodes cannot be found.")
        wanted = ["episode_index", "length", "data/chunk_index", "data/file_index"]
        for key in self._cameras:
            if self.info.features[key].dtype == "video":
                wanted += [f"videos/{key}/{field}" for field in ("chunk_index", "file_index", "from_timestamp")]
        tables = [_read_table(path, wanted) for path in paths]
        for path, table in zip(paths, tables, strict=True):
            if any(column.null_count for column in table.columns):
                raise InputError(f"{path}: an episode without its place.")
        rows = [row for table in tables for row in table.to_pylist()]
        return sorted(rows, key=lambda row: int(row["episode_index"]))

    def _read_rows(self, row: dict[str, Any], columns: Sequence[str]) -> pa.Table:
        """Columns of one episode's steps, in order of time."""
        path = self._data_file(row)
        index, length = int(row["episode_index"]), int(row["length"])
        table = _read_table(path, columns, filters=[("episode_index", "=", index)]).sort_by("frame_index")
        if table.num_rows != length:
            raise InputError(f"{path}: holds {table.num_rows} steps of episode {index}; meta/episodes says {length}.")
        return table

    def _vectors(self, numbers: pa.Table, key: str, path: Path) -> FloatArray:
        vectors = _matrix(numbers, key, path)
        declared = max(self.info.features[key].shape, default=1)
        if vectors.shape[1] != declared:
            raise InputError(f"{path}: column '{key}': {vectors.shape[1]} numbers a step; {INFO_PATH} says {declared}.")
        return vectors

    def _data_file(self, row: dict[str, Any]) -> Path:
        return self.info.data_file(self.path, int(row["data/chunk_index"]), int(row["data/file_index"]))

    def _video_file(self, row: dict[str, Any], key: str) -> Path:
        place = (int(row[f"videos/{key}/{field}"]) for field in ("chunk_index", "file_index"))
        return self.info.video_file(self.path, key, *place)

    def _files(self, row: dict[str, Any]) -> list[Path]:
        videos = [key for key in self._cameras if self.info.features[key].dtype == "video"]
        return [self._data_file(row), *(self._video_file(row, key) for key in videos)]

    def _window(self, row: dict[str, Any], key: str, numbers: pa.Table) -> VideoWindow:
        times_s = float(row[f"videos/{key}/from_timestamp"]) + _matrix(numbers, "timestamp", self._data_file(row))[:, 0]
        return VideoWindow(self._video_file(row, key), times_s, tolerance_s=0.5 / self.info.fps)

    def _pictures(self, row: dict[str, Any], key: str, numbers: pa.Table) -> Pictures:
        if self.info.features[key].dtype == "video":
            return self._window(row, key, numbers).pictures

        def decode() -> Iterator[Image]:
            for data in _image_bytes(self._read_rows(row, ["frame_index", key]), key, self._data_file(row)):
                yield decode_image(data)

        return decode

    def _task(self, numbers: pa.Table) -> str | None:
        index = numbers["task_index"][0].as_py()
        if index not in self._tasks:
            raise InputError(f"{self.path / _TASKS_PATH}: no task of number {index}, which an episode has.")
        return self._tasks[index].strip() or None


def _find_state(path: Path, info: LeRobotInfo, options: ReaderOptions) -> StateMap:
    keys = [key for key, feature in info.features.items() if key.startswith("observation.") and feature.is_number]
    keys.sort(key=lambda key: (key != _STATE_KEY, not key.startswith(f"{_STATE_KEY}."), key))
    names = {key: info.features[key].dimension_names(key) for key in keys}
    if options.state_names:
        size = max(info.features[_STATE_KEY].shape, default=1) if _STATE_KEY in keys else 0
        if len(options.state_names) != size:
            raise UsageError(
                f"{path}: {_STATE_KEY} has {size} dimensions, but --state-names names {len(options.state_names)}."
            )
        names[_STATE_KEY] = options.state_names
    state = find_state(names)
    if state is None:
        found = "; ".join(f"{key}: {', '.join(names[key]) or 'no names'}" for key in keys) or "none"
        raise InputError(
            f"{path}: no feature is understood as the pose of the tool and the gripper. Found {found}. Needed are x, "
            "y, z with roll, pitch, yaw (or qx, qy, qz, qw, or axis_angle1..3) and gripper. If observation.state holds "
            "them, name its dimensions with --state-names x,y,z,roll,pitch,yaw,gripper."
        )
    return state


def _read_tasks(path: Path) -> dict[int, str]:
    """Tasks by number. The text is the index of a pandas frame, so the name of its column varies."""
    table = _read_table(path)
    texts = [
        field.name for field in table.schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
    ]
    if "task_index" not in table.column_names or len(texts) != 1:
        raise InputError(f"{path}: expected a column of text and 'task_index', found {', '.join(table.column_names)}.")
    return dict(zip(table["task_index"].to_pylist(), table[texts[0]].to_pylist(), strict=True))


def _read_table(path: Path, columns: Sequence[str] | None = None, filters: Any = None) -> pa.Table:
    try:
        missing = [name for name in columns or () if name not in pq.read_schema(path).names]
        if missing:
            raise InputError(f"{path}: no column {', '.join(missing)}.")
        wanted = None if columns is None else list(columns)
        return pq.read_table(path, columns=wanted, filters=filters, partitioning=None)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file, but the dataset names it.") from None
    except (OSError, UnicodeError, pa.ArrowException) as failure:
        raise InputError(f"{path}: cannot be read as Parquet ({failure}).") from None


def _matrix(table: pa.Table, column: str, path: Path) -> FloatArray:
    """A column, read from `path`, of scalars or of equally long lists as (T, D) float64; null becomes NaN."""
    values = table[column].combine_chunks()
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type) or pa.types.is_fixed_size_list(values.type):
        flat = values.flatten().to_numpy(zero_copy_only=False)
        present = values.is_valid().to_numpy(zero_copy_only=False)
        if present.any() and len(flat) % present.sum():
            raise InputError(f"{path}: column '{column}': its lists are not of one length.")
        rows = np.full((len(values), len(flat) // max(int(present.sum()), 1)), np.nan)
        rows[present] = np.asarray(flat, dtype=np.float64).reshape(int(present.sum()), -1)
        return rows
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float64)[:, None]


def _image_bytes(table: pa.Table, key: str, path: Path) -> Iterator[bytes]:
    for picture in table[key]:
        data = picture["bytes"].as_py() if pa.types.is_struct(picture.type) and picture.is_valid else None
        if data is None:
            raise InputError(f"{path}: column '{key}' holds no encoded pictures.")
        yield data


def _camera_name(key: str) -> str:
    return key.removeprefix("observation.").removeprefix("images.").removeprefix("image.")
