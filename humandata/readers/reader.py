"""What every reader offers, and what it hands over: a demonstration in its dataset's own conventions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from humandata.arrays import FloatArray, Image, IntArray
from humandata.schemas.episode import WorldFrame

Pictures = Callable[[], Iterator[Image]]
"""Reads a camera's pictures (H, W, 3) uint8 RGB anew, one a step, so that they never all lie in memory."""


@dataclass(frozen=True)
class ReaderOptions:
    """What the user says where a dataset does not."""

    state_names: tuple[str, ...] = ()
    """Names of the dimensions of `observation.state`, such as x, y, z, roll, pitch, yaw, gripper."""


@dataclass(frozen=True)
class EpisodeRef:
    """An episode of a dataset before it is read."""

    name: str
    """Unique within the dataset, in the dataset's own words: `episode_000003`, `demo_3`."""
    files: tuple[Path, ...]
    """What it is read from; as long as their sizes and times stay, so does the episode."""

    @property
    def input(self) -> str:
        """Its name as an input of a source."""
        return self.name


@dataclass(frozen=True)
class Recording:
    """T steps of one demonstration: tool frame and gripper as the dataset has them, in metres and radians."""

    task: str | None
    timestamp_ns: IntArray
    """(T,)."""
    T_world_tool: FloatArray
    """(T, 4, 4); NaN where the dataset has no number."""
    gripper_reading: FloatArray
    """(T,) in the dataset's own unit and sign."""
    cameras: Mapping[str, Pictures]
    """Pictures by the camera's name in the dataset."""
    rate_hz: float
    world_frame: WorldFrame


class Reader(Protocol):
    """A dataset in one format. Opening it checks what holds for all episodes; reading one checks that one."""

    format: str
    looked_for: str
    """What marks the format, in words, for the error that finds none."""
    robot: str | None
    """The dataset's name for its robot."""
    cameras: tuple[str, ...]
    """Names of its cameras, in its order, whichever episode has them."""

    def __init__(self, path: Path, options: ReaderOptions) -> None:
        """Raise InputError where nothing of the dataset can be read."""

    @staticmethod
    def detect(path: Path) -> bool:
        """Whether an existing file or folder is in this format."""

    def list_episodes(self) -> list[EpisodeRef]:
        """Every episode, in the dataset's order, without reading any."""

    def content_sha256(self, name: str) -> str:
        """Hash of all that the episode of that name is made of, and of nothing else; raises InputError."""

    def read(self, name: str) -> Recording:
        """The episode of that name; raises InputError where it is damaged or incomplete."""
