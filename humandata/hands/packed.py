"""The hands of many frames as a few arrays: what an hour of video holds fits into memory and into a file that way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast, overload

import numpy as np

from humandata.arrays import Float32Array, FloatArray, IntArray
from humandata.hands.estimator import HandDetection, ManoHand
from humandata.schemas.landmarks import SIDES

Columns = Mapping[str, Float32Array]

_LANDMARKS = {
    "landmarks_px": (21, 2),
    "landmarks_hand": (21, 3),
    "landmarks_camera": (21, 3),
    "landmarks_depth_m": (21,),
}
_MANO = {"global_orient": (3,), "hand_pose": (15, 3), "betas": (10,)}


@dataclass(frozen=True, eq=False)
class PackedHands(Sequence[tuple[HandDetection, ...]]):
    """The H hands of N frames, which are made anew, as views of the arrays, whenever a frame is asked for.

    Single precision: of a landmark 0.0001 px at the most, as MediaPipe tells it.
    """

    first: IntArray
    """(N + 1,) the hands of frame i are those from `first[i]` up to `first[i + 1]`."""
    columns: Columns
    """(H, ...) by the names of what a detection holds; a row of NaN, or no column, is what is not known."""

    def __len__(self) -> int:
        return len(self.first) - 1

    @overload
    def __getitem__(self, index: int) -> tuple[HandDetection, ...]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[tuple[HandDetection, ...]]: ...
    def __getitem__(self, index: int | slice) -> tuple[HandDetection, ...] | Sequence[tuple[HandDetection, ...]]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        return tuple(self._hand(number) for number in range(int(self.first[index]), int(self.first[index + 1])))

    def take(self, frames: slice) -> PackedHands:
        """The hands of some of the frames, from `start` to `stop`."""
        first = self.first[frames.start : frames.stop + 1]
        columns = {name: column[first[0] : first[-1]] for name, column in self.columns.items()}
        return PackedHands(first - first[0], columns)

    def _hand(self, number: int) -> HandDetection:
        mano = {name: self._row(name, number) for name in _MANO}
        landmarks = {name: self._row(name, number) for name in _LANDMARKS}
        assert landmarks["landmarks_px"] is not None
        assert landmarks["landmarks_hand"] is not None
        return HandDetection(
            side=SIDES[int(self.columns["side"][number])],
            score=float(self.columns["score"][number]),
            landmarks_px=landmarks["landmarks_px"],
            landmarks_hand=landmarks["landmarks_hand"],
            landmarks_camera=landmarks["landmarks_camera"],
            landmarks_depth_m=landmarks["landmarks_depth_m"],
            mano=None if mano["betas"] is None else ManoHand(**cast("dict[str, FloatArray]", mano)),
        )

    def _row(self, name: str, number: int) -> FloatArray | None:
        if name not in self.columns:
            return None
        row = self.columns[name][number]
        return None if np.isnan(row).all() else cast("FloatArray", row)


def pack_hands(frames: Sequence[Sequence[HandDetection]]) -> PackedHands:
    """The hands of N frames, packed."""
    hands = [hand for frame in frames for hand in frame]
    columns = {
        "side": np.array([SIDES.index(hand.side) for hand in hands], dtype=np.float32),
        "score": np.array([hand.score for hand in hands], dtype=np.float32),
    }
    for name, shape in _LANDMARKS.items():
        columns |= _column(name, [getattr(hand, name) for hand in hands], shape)
    for name, shape in _MANO.items():
        columns |= _column(name, [getattr(hand.mano, name, None) for hand in hands], shape)
    return PackedHands(np.cumsum([0, *map(len, frames)], dtype=np.int64), columns)


def join_hands(parts: Sequence[PackedHands]) -> PackedHands:
    """The hands of all the frames of at least one part after the other."""
    counts = [int(part.first[-1]) for part in parts]
    shapes = {name: column.shape[1:] for part in parts for name, column in part.columns.items()}
    columns = {}
    for name, shape in shapes.items():
        unknown = (np.full((count, *shape), np.nan, dtype=np.float32) for count in counts)
        columns[name] = np.concatenate([part.columns.get(name, nan) for part, nan in zip(parts, unknown, strict=True)])
    return PackedHands(np.cumsum([0, *(count for part in parts for count in np.diff(part.first))]), columns)


def _column(name: str, rows: Sequence[FloatArray | None], shape: tuple[int, ...]) -> dict[str, Float32Array]:
    """The column (H, ...) of that name; none where no row is known."""
    if all(row is None for row in rows):
        return {}
    unknown = np.full(shape, np.nan)
    return {name: np.array([unknown if row is None else row for row in rows], dtype=np.float32)}
