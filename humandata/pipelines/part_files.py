"""What was seen in a part of a long video, in two files: numbers, and the stored pictures one behind the other.

A job that is interrupted goes on from them. The numbers are written last: where they are, the pictures are whole.
"""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from humandata.arrays import IntArray
from humandata.dataset.files import write_atomically
from humandata.errors import InputError
from humandata.hands.packed import PackedHands, join_hands, pack_hands
from humandata.pipelines.sightings import Sightings
from humandata.video.spool import PictureFiles, Pictures

_DAMAGE = (OSError, EOFError, ValueError, KeyError, RuntimeError, struct.error, zipfile.BadZipFile)


@dataclass(frozen=True)
class SeenPart:
    """What was seen in a part, and where its pictures lie."""

    seen: Sightings
    pictures: Path
    offsets: IntArray
    """(P + 1,) of the P stored pictures in that file."""

    def take(self, frames: slice) -> SeenPart:
        """The same of some of the frames, from `start` to `stop`."""
        stored = self.seen.stored
        kept = slice(*np.searchsorted(stored, [frames.start, frames.stop]).tolist())
        seen = replace(
            self.seen,
            timestamp_ns=self.seen.timestamp_ns[frames],
            stored=stored[kept] - frames.start,
            detections=_packed(self.seen).take(frames),
        )
        return SeenPart(seen, self.pictures, self.offsets[kept.start : kept.stop + 1])


@dataclass(frozen=True)
class PartOutline:
    """What is known of a part before its hands are read."""

    timestamp_ns: IntArray
    """(N,)."""
    num_hands: IntArray
    """(N,) hands seen in each frame."""
    failures: tuple[str, ...]
    warnings: tuple[str, ...]


def part_exists(folder: Path, index: int) -> bool:
    """Whether the part of that number is there, whole."""
    return _numbers_path(folder, index).exists()


def write_part(folder: Path, index: int, seen: Sightings, pictures: Pictures) -> None:
    """Write what was seen; `pictures` holds those of `seen.stored`, in that order. Raises OutputError."""
    lengths: list[int] = []

    def encoded() -> Iterator[bytes]:
        for number in range(len(seen.stored)):
            picture = pictures.read(number)
            lengths.append(len(picture))
            yield picture

    write_atomically(_pictures_path(folder, index), encoded())
    hands = pack_hands(seen.detections)
    said = json.dumps({"failures": seen.failures, "warnings": seen.warnings})
    numbers = BytesIO()
    arrays: dict[str, NDArray[np.generic]] = {
        "timestamp_ns": seen.timestamp_ns,
        "stored": seen.stored,
        "offsets": np.cumsum([0, *lengths], dtype=np.int64),
        "first_hand": hands.first,
        "said": np.frombuffer(said.encode(), dtype=np.uint8),
        **{f"hand_{name}": column for name, column in hands.columns.items()},
    }
    np.savez(numbers, allow_pickle=False, **arrays)
    write_atomically(_numbers_path(folder, index), numbers.getvalue())


def read_outline(folder: Path, index: int) -> PartOutline:
    """The outline of what `write_part` wrote; raises InputError where it is damaged."""
    with _numbers(folder, index) as numbers:
        said = json.loads(numbers["said"].tobytes())
        num_hands = np.diff(numbers["first_hand"])
        return PartOutline(numbers["timestamp_ns"], num_hands, tuple(said["failures"]), tuple(said["warnings"]))


def read_part(folder: Path, index: int) -> SeenPart:
    """What `write_part` wrote; raises InputError where it is damaged."""
    with _numbers(folder, index) as numbers:
        said = json.loads(numbers["said"].tobytes())
        hands = {name.removeprefix("hand_"): numbers[name] for name in numbers if name.startswith("hand_")}
        seen = Sightings(
            numbers["timestamp_ns"],
            numbers["stored"],
            PackedHands(numbers["first_hand"], hands),
            tuple(said["failures"]),
            tuple(said["warnings"]),
        )
        return SeenPart(seen, _pictures_path(folder, index), numbers["offsets"])


def join_outlines(parts: Sequence[PartOutline]) -> PartOutline:
    """At least one outline after the other; a warning of several is given once."""
    return PartOutline(
        np.concatenate([part.timestamp_ns for part in parts]),
        np.concatenate([part.num_hands for part in parts]),
        tuple(failure for part in parts for failure in part.failures),
        tuple(dict.fromkeys(warning for part in parts for warning in part.warnings)),
    )


def join_parts(parts: Sequence[SeenPart]) -> tuple[Sightings, PictureFiles]:
    """At least one part after the other, and the pictures of all of them."""
    seen = [part.seen for part in parts]
    before = np.cumsum([0, *(len(each.timestamp_ns) for each in seen)])
    joined = Sightings(
        np.concatenate([each.timestamp_ns for each in seen]),
        np.concatenate([each.stored + offset for each, offset in zip(seen, before, strict=False)]),
        join_hands([_packed(each) for each in seen]),
    )
    return joined, PictureFiles([(part.pictures, part.offsets) for part in parts])


def _packed(seen: Sightings) -> PackedHands:
    return seen.detections if isinstance(seen.detections, PackedHands) else pack_hands(seen.detections)


@contextmanager
def _numbers(folder: Path, index: int) -> Iterator[NpzFile]:
    path = _numbers_path(folder, index)
    try:
        with np.load(path, allow_pickle=False) as numbers:
            yield numbers
    except _DAMAGE as failure:
        raise InputError(
            f"{path}: damaged ({type(failure).__name__}). Delete its folder; the next run looks at the video anew."
        ) from None


def _numbers_path(folder: Path, index: int) -> Path:
    return folder / f"{index:05d}.npz"


def _pictures_path(folder: Path, index: int) -> Path:
    return folder / f"{index:05d}.jpgs"
