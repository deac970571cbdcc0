"""What was seen in a part of a long video, in two files: arrays of numbers, and the pictures one behind the other.

They are what an interrupted job goes on from. The arrays are written last, so that their presence proves both whole.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from humandata.dataset.files import write_atomically
from humandata.errors import OutputError
from humandata.hands.estimator import HandDetection, ManoHand
from humandata.pipelines.sightings import Pictures, Sightings
from humandata.schemas.landmarks import SIDES

FloatArray = NDArray[np.float32]

_OPTIONAL = {"landmarks_camera": (21, 3), "landmarks_depth_m": (21,)}
_MANO = {"global_orient": (3,), "hand_pose": (15, 3), "betas": (10,)}


class PackedHands(Sequence[tuple[HandDetection, ...]]):
    """The hands of N frames as arrays; single precision, which is 0.0001 px and less of an estimator's own.

    `first` (N + 1,) tells which of the H hands are of which frame: those from `first[i]` up to `first[i + 1]`.
    """

    def __init__(self, first: NDArray[np.int64], columns: dict[str, NDArray[np.generic]]) -> None:
        self.first = first
        self.columns = columns
        self._present = {name for name in (*_OPTIONAL, *_MANO) if name in columns}

    @classmethod
    def pack(cls, detections: Sequence[Sequence[HandDetection]]) -> PackedHands:
        """The same hands, packed."""
        hands = [hand for frame in detections for hand in frame]
        first = np.concatenate([[0], np.cumsum([len(frame) for frame in detections], dtype=np.int64)])
        columns: dict[str, NDArray[np.generic]] = {
            "side": np.array([SIDES.index(hand.side) for hand in hands], dtype=np.int8),
            "score": np.array([hand.score for hand in hands], dtype=np.float32),
            "landmarks_px": _stacked([hand.landmarks_px for hand in hands], (21, 2)),
            "landmarks_hand": _stacked([hand.landmarks_hand for hand in hands], (21, 3)),
        }
        for name, shape in _OPTIONAL.items():
            if any(getattr(hand, name) is not None for hand in hands):
                columns[name] = _stacked([getattr(hand, name) for hand in hands], shape)
        if any(hand.mano is not None for hand in hands):
            for name, shape in _MANO.items():
                columns[name] = _stacked([hand.mano and getattr(hand.mano, name) for hand in hands], shape)
        return cls(np.asarray(first, dtype=np.int64), columns)

    @classmethod
    def joined(cls, parts: Sequence[PackedHands]) -> PackedHands:
        """One behind the other; a column that only some of them have is NaN, which is not known, in the others."""
        offsets = np.cumsum([0, *(len(part.columns["side"]) for part in parts)])
        first = [part.first[:-1] + offset for part, offset in zip(parts, offsets, strict=False)]
        shapes = {name: column.shape[1:] for part in parts for name, column in part.columns.items()}

        def column(part: PackedHands, name: str) -> NDArray[np.generic]:
            if name in part.columns:
                return part.columns[name]
            return np.full((len(part.columns["side"]), *shapes[name]), np.nan, dtype=np.float32)

        columns = {name: np.concatenate([column(part, name) for part in parts]) for name in shapes}
        return cls(np.concatenate([*first, offsets[-1:]]), columns)

    def __len__(self) -> int:
        return len(self.first) - 1

    @overload
    def __getitem__(self, index: int) -> tuple[HandDetection, ...]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[tuple[HandDetection, ...]]: ...
    def __getitem__(self, index: int | slice) -> tuple[HandDetection, ...] | Sequence[tuple[HandDetection, ...]]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        return tuple(self._hand(number) for number in range(int(self.first[index]), int(self.first[index + 1])))
