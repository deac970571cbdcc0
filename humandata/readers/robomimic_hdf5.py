"""robomimic's HDF5 files of robosuite demonstrations (robomimic `docs/datasets/overview`).

`data/demo_N/obs` holds `robot0_eef_pos` (m) and `robot0_eef_quat` (xyzw) in the simulator's world, whose z points up;
`robot0_gripper_qpos` (m), one number a finger; and pictures `<camera>_image`. A simulator steps at a fixed rate, which
`env_args` states: there are no timestamps, so step i happens at i / control_freq.

The task is the language instruction where there is one (`ep_meta` of the demonstration, `problem_info` of the file),
and otherwise the name of the environment in words: `PickPlaceCan` becomes "pick place can".
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from humandata.arrays import FloatArray, Image
from humandata.dataset.identity import content_sha256
from humandata.errors import InputError, UsageError
from humandata.geometry.transforms import make_transform
from humandata.readers.hdf5_files import member, open_hdf5, read_numbers, read_rows, read_text
from humandata.readers.reader import EpisodeRef, Pictures, ReaderOptions, Recording
from humandata.readers.state_names import check_metres, finger_distance, rotation_from_xyzw

_POSITION, _ROTATION, _GRIPPER = "robot0_eef_pos", "robot0_eef_quat", "robot0_gripper_qpos"
_STATE = {_POSITION: 3, _ROTATION: 4, _GRIPPER: 2}
_IMAGE_SUFFIX = "_image"


class RobomimicHdf5Reader:
    """One file of demonstrations."""

    format = "robomimic_hdf5"
    looked_for = "an .hdf5 file with groups data/demo_*"

    def __init__(self, path: Path, options: ReaderOptions) -> None:
        if options.state_names:
            raise UsageError(f"{path}: --state-names is for datasets whose state is one vector; robomimic's is not.")
        self.path = path
        with open_hdf5(path) as file:
            data = member(file, "data")
            self._names = sorted((name for name in data if name.startswith("demo")), key=_natural)
            self._env = _json_object(path, "data attribute 'env_args'", read_text(data, "env_args"))
            problem = _json_object(path, "data attribute 'problem_info'", read_text(data, "problem_info"))
            groups = [member(data, f"{name}/obs") for name in self._names]
            keys = [key for group in groups if isinstance(group, h5py.Group) for key in _image_keys(group)]
            self.cameras = tuple(dict.fromkeys(map(_camera_name, keys)))
        self._instruction = _text(problem.get("language_instruction"))
        settings = self._env.get("env_kwargs")
        self._settings: dict[str, Any] = settings if isinstance(settings, dict) else {}
        self.robot = _robot(path, self._settings.get("robots"))
        self.rate_hz = _rate(path, self._settings.get("control_freq"))

    @staticmethod
    def detect(path: Path) -> bool:
        """Whether it is an HDF5 file with demonstrations; raises InputError where it is one but not whole."""
        if not path.is_file() or not (path.suffix.lower() in {".hdf5", ".h5"} or h5py.is_hdf5(path)):
            return False
        with open_hdf5(path) as file:
            data = member(file, "data")
            return isinstance(data, h5py.Group) and any(name.startswith("demo") for name in data)

    def list_episodes(self) -> list[EpisodeRef]:
        """The demonstrations, `demo_2` before `demo_10`."""
        return [EpisodeRef(name, (self.path,)) for name in self._names]

    def content_sha256(self, name: str) -> str:
        """Hash of the observations that are read, and of what the file says of all its demonstrations."""
        digest = hashlib.sha256()
        with open_hdf5(self.path) as file:
            observations = self._observations(file, name)
            for key in sorted([*_STATE, *_image_keys(observations)]):
                dataset = _dataset(observations, key)
                digest.update(f"{key}:{dataset.dtype}:{dataset.shape}".encode())
                for block in read_rows(dataset):
                    digest.update(np.ascontiguousarray(block).data)
            task = self._task(file, name)
        return content_sha256([name, self.robot, self.rate_hz, task, digest.hexdigest()])

    def read(self, name: str) -> Recording:
        """One demonstration; its pictures are read when they are asked for."""
        with open_hdf5(self.path) as file:
            observations = self._observations(file, name)
            state = {key: self._numbers(observations, key, size) for key, size in _STATE.items()}
            cameras = {_camera_name(key): self._pictures(name, key) for key in _image_keys(observations)}
            task = self._task(file, name)
        origin = f"{self.path}, {name}"
        lengths = {key: len(values) for key, values in state.items()}
        if len(set(lengths.values())) > 1:
            raise InputError(f"{origin}: observations of different lengths ({lengths}).")
        check_metres(state[_POSITION], origin)
        num_steps = lengths[_POSITION]
        return Recording(
            task=task,
            timestamp_ns=np.round(np.arange(num_steps) * 1e9 / self.rate_hz).astype(np.int64),
            T_world_tool=make_transform(rotation_from_xyzw(state[_ROTATION], origin), state[_POSITION]),
            gripper_reading=finger_distance(state[_GRIPPER]),
            cameras=cameras,
            rate_hz=self.rate_hz,
            world_frame="gravity",
        )

    def _observations(self, file: Any, name: str) -> Any:
        observations = member(file, f"data/{name}/obs")
        if not isinstance(observations, h5py.Group):
            raise InputError(f"{self.path}, {name}: no group 'obs'; it was recorded without observations.")
        found = list(observations)
        missing = [key for key in _STATE if key not in found]
        if missing:
            raise InputError(
                f"{self.path}, {name}: obs has no {', '.join(missing)}; found {', '.join(found) or 'nothing'}."
            )
        return observations

    def _numbers(self, observations: Any, key: str, size: int) -> FloatArray:
        dataset = _dataset(observations, key)
        if dataset.ndim != 2 or dataset.shape[1] != size or dataset.dtype.kind != "f":
            raise InputError(
                f"{self.path}, {dataset.name}: {dataset.shape} {dataset.dtype}; expected (T, {size}) real numbers."
            )
        return read_numbers(dataset)

    def _pictures(self, name: str, key: str) -> Pictures:
        def decode() -> Iterator[Image]:
            with open_hdf5(self.path) as file:
                dataset = _dataset(self._observations(file, name), key)
                if dataset.ndim != 4 or dataset.shape[3] != 3 or dataset.dtype != np.uint8:
                    raise InputError(
                        f"{self.path}, {dataset.name}: {dataset.shape} {dataset.dtype}; expected (T, H, W, 3) uint8."
                    )
                for block in read_rows(dataset):
                    yield from block

        return decode

    def _task(self, file: Any, name: str) -> str | None:
        text = read_text(member(file, f"data/{name}"), "ep_meta")
        episode = _json_object(self.path, f"{name} attribute 'ep_meta'", text)
        return _text(episode.get("lang")) or self._instruction or _in_words(_text(self._env.get("env_name")))


def _dataset(observations: Any, key: str) -> Any:
    dataset = member(observations, key)
    if not isinstance(dataset, h5py.Dataset) or dataset.ndim < 1:
        raise InputError(f"{observations.file.filename}, {observations.name}/{key}: not an array.")
    return dataset


def _image_keys(observations: Any) -> list[str]:
    return [key for key in observations if key.endswith(_IMAGE_SUFFIX)]


def _camera_name(key: str) -> str:
    return key.removesuffix(_IMAGE_SUFFIX)


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _json_object(path: Path, what: str, text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as failure:
        raise InputError(f"{path}: {what} is not valid JSON ({failure}).") from None
    return content if isinstance(content, dict) else {}


def _robot(path: Path, robots: object) -> str | None:
    names = [robots] if isinstance(robots, str) else list(robots) if isinstance(robots, list) else []
    if len(names) > 1:
        raise InputError(f"{path}: {len(names)} robots ({', '.join(map(str, names))}); one can be read.")
    return str(names[0]) if names else None


def _rate(path: Path, control_freq: object) -> float:
    if isinstance(control_freq, (int, float)) and np.isfinite(control_freq) and control_freq > 0:
        return float(control_freq)
    raise InputError(f"{path}: env_args states no env_kwargs.control_freq, so the time of its steps is not known.")


def _text(value: object) -> str | None:
    """A text that says something; LIBERO puts quotation marks around its own."""
    return (value.strip().strip('"').strip() or None) if isinstance(value, str) else None


def _in_words(name: str | None) -> str | None:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_\s]+", " ", name).strip().lower() if name else None
