"""What batches are made of besides pixels, of all episodes of a source in one memory-mapped array.

A pack holds a record a step: time, where the step's image lies, and the poses that actions and states are made of. It
is derived from the step files and can be made again at any time; it lies beside the manifest, named after the
fingerprint of its source, and mixtures of the same source share it. Records of one episode follow each other, so the
steps of a chunk are one run of bytes, and processes that read the same pack share the memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from humandata.actions import ActionTrack
from humandata.arrays import BoolArray, FloatArray, IntArray
from humandata.dataset.files import write_atomically
from humandata.dataset.image_places import image_places
from humandata.dataset.read import ShardSource
from humandata.errors import DatasetError
from humandata.mixtures.tracks import read_tracks
from humandata.schemas.documents import canonical_json
from humandata.storage import is_remote

CACHE_FOLDER = ".humandata"
"""Beside the manifest: packs and surveys, which are made again where they are missing."""

_LAYOUT_VERSION = 1
_POSE = (3, 4)

RECORD = np.dtype(
    [
        ("timestamp_ns", "<i8"),
        ("image_offset", "<i8"),
        ("image_length", "<i8"),
        ("T_inertial_ee", "<f8", (2, *_POSE)),
        ("T_view_ee", "<f8", (2, *_POSE)),
        ("T_inertial_head", "<f8", _POSE),
        ("gripper_opening", "<f8", (2,)),
        ("arm_valid", "?", (2,)),
        ("inertial", "?"),
    ],
    align=True,
)
"""One step. `image_offset` is -1 where only a Parquet reader finds the image; poses are the upper rows of 4x4."""


@dataclass(frozen=True)
class TrackPack:
    """The records of a source, episodes in the order of `episodes.parquet`."""

    records: NDArray[np.void]
    """(S,) of RECORD, memory-mapped."""

    @cached_property
    def timestamp_ns(self) -> IntArray:
        """(S,) a view of the records'."""
        times: IntArray = self.records["timestamp_ns"]
        return times

    @cached_property
    def whole(self) -> NDArray[np.void]:
        """(S,) the records as mere bytes, which are joined without a look at each field."""
        return self.records.view(np.dtype((np.void, RECORD.itemsize)))

    def episode(self, first: int, num_steps: int, mask_rotation: bool, mask_gripper: bool) -> ActionTrack:
        """The track of the episode whose records begin at `first`."""
        return track_of(self.records[first : first + num_steps], mask_rotation, mask_gripper)


def track_of(
    records: NDArray[np.void],
    mask_rotation: bool,
    mask_gripper: bool | BoolArray = False,
    for_chunks_only: bool = False,
) -> ActionTrack:
    """Records (T,) as a track; `mask_gripper` is for all steps or by step (T,).

    A track `for_chunks_only` spares the poses that only states are made of: they are all NaN.
    """
    opening = np.where(mask_gripper, np.nan, np.moveaxis(records["gripper_opening"], -1, 0))
    arm_valid = np.ascontiguousarray(records["arm_valid"].T)
    return ActionTrack(
        timestamp_ns=np.ascontiguousarray(records["timestamp_ns"]),
        T_inertial_ee=_arms(records["T_inertial_ee"], arm_valid),
        T_view_ee=np.broadcast_to(np.nan, (2, len(records), 4, 4))
        if for_chunks_only
        else _arms(records["T_view_ee"], arm_valid),
        arm_valid=arm_valid,
        gripper_opening=opening,
        inertial=np.ascontiguousarray(records["inertial"]),
        T_inertial_head=_transforms(records["T_inertial_head"]),
        rotation_trusted=not mask_rotation,
    )


def open_pack(source: ShardSource, static_camera: bool, cache: Path) -> TrackPack:
    """The pack of a source in the folder `cache`, made now where it is missing.

    DatasetError where a step file cannot be read, or the pack not be written.
    """
    path = cache / f"{pack_key(source, static_camera)}.npy"
    if not path.exists():
        _write_pack(path, source, static_camera)
    return TrackPack(_mapped(path))


def open_places(source: ShardSource, column: str, cache: Path) -> IntArray:
    """Offset and length (S, 2) of the images in a further camera's column, at the records of the source's pack, as
    `image_places` gives them; memory-mapped, and found now where the file in `cache` is missing.

    DatasetError where a step file cannot be read, or the places not be written.
    """
    content = ["places", _LAYOUT_VERSION, source.document.fingerprint, column, *_whereabouts(source)]
    path = cache / f"{hashlib.sha256(canonical_json(content).encode()).hexdigest()[:32]}.npy"
    if not path.exists():
        names = source.episodes(["id"]).column("id").to_pylist()
        _write_rows(
            path,
            np.dtype("<i8"),
            (_total_steps(source), 2),
            (image_places(source.steps_path(name), column) for name in names),
        )
    return _mapped(path)


def pack_key(source: ShardSource, static_camera: bool) -> str:
    """What a pack is named after: everything its content follows from."""
    content = ["pack", _LAYOUT_VERSION, source.document.fingerprint, static_camera, *_whereabouts(source)]
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()[:32]


def _whereabouts(source: ShardSource) -> list[str]:
    """What images' places depend on besides the content: of files on a store, other places are known."""
    return ["on a store"] if is_remote(source.path) else []


def first_records(num_steps: Sequence[int] | IntArray) -> IntArray:
    """(E,) where the records of each episode begin, of their numbers of steps (E,)."""
    return np.concatenate([[0], np.cumsum(num_steps, dtype=np.int64)])[:-1]


def _mapped(path: Path) -> NDArray[Any]:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as failure:
        raise DatasetError(f"{path}: cannot be read ({failure}). Remove it; it is made again when needed.") from None
    return np.asarray(array)  # mapped still, but sliced without the cost of a subclass


def _total_steps(source: ShardSource) -> int:
    return int(pc.sum(source.episodes(["num_steps"]).column("num_steps")).as_py() or 0)


def _write_pack(path: Path, source: ShardSource, static_camera: bool) -> None:
    episodes = (
        _records(track, image_places(source.steps_path(name))) for name, track in read_tracks(source, static_camera)
    )
    _write_rows(path, RECORD, (_total_steps(source),), episodes)


def _write_rows(path: Path, dtype: np.dtype[Any], shape: tuple[int, ...], parts: Iterable[NDArray[Any]]) -> None:
    """Write an array part by part, so that memory does not grow with the source; the file appears whole."""

    def pieces() -> Iterator[bytes]:
        header = BytesIO()
        described = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_2_0(header, described)
        yield header.getvalue()
        yield from (part.tobytes() for part in parts)

    write_atomically(path, pieces())


def _records(track: ActionTrack, places: IntArray) -> NDArray[np.void]:
    records = np.zeros(len(track.timestamp_ns), dtype=RECORD)
    records["timestamp_ns"] = track.timestamp_ns
    records["image_offset"], records["image_length"] = places.T
    records["T_inertial_ee"] = np.moveaxis(track.T_inertial_ee[..., :3, :], 0, 1)
    records["T_view_ee"] = np.moveaxis(track.T_view_ee[..., :3, :], 0, 1)
    records["T_inertial_head"] = track.T_inertial_head[..., :3, :]
    records["gripper_opening"] = track.gripper_opening.T
    records["arm_valid"] = track.arm_valid.T
    records["inertial"] = track.inertial
    return records


def _arms(upper: FloatArray, valid: BoolArray) -> FloatArray:
    """Transforms (2, T, 4, 4) of both arms, of upper rows (T, 2, 3, 4); NaN of an arm that is never valid (2, T)."""
    T = np.empty((2, len(upper), 4, 4))
    for arm in range(2):
        if valid[arm].any():
            T[arm] = _transforms(upper[:, arm])
        else:
            T[arm] = np.nan
    return T


def _transforms(upper: FloatArray) -> FloatArray:
    """4x4 transforms (..., 4, 4) of their upper rows (..., 3, 4)."""
    T = np.empty((*upper.shape[:-2], 4, 4))
    T[..., :3, :] = upper
    T[..., 3, :] = (0.0, 0.0, 0.0, 1.0)
    return T
