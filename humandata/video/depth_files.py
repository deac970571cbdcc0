"""Depth maps as they lie on disk: PNGs, an array, or a video; read one at a time, as untrusted files."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from humandata.arrays import FloatArray, IntArray
from humandata.errors import InputError
from humandata.video.helper import Helper, Message, ask, int64_columns, reading_time_s
from humandata.video.safety import MAX_PIXELS

Map = NDArray[np.generic]
"""(H, W) in the file's own units; 0 or no number where nothing was measured."""

MAX_MAPS = 1_000_000
"""Nine hours at 30 Hz."""

STALL_TIMEOUT_S = 120.0
_DAMAGE = (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What reading an archive may raise where it is damaged, encrypted, or compressed in another way."""
_ARRAY_TYPES = frozenset({"uint16", "uint32", "float16", "float32", "float64"})


class DepthFiles(Protocol):
    """M maps in order of time."""

    times: FloatArray | None
    """(M,) as the files tell them: numbers in names or in an array, nanoseconds of a video; None where they do not."""
    num_maps: int

    def read(self, index: int) -> Map:
        """Map number `index`; cheap for increasing indices. Raises InputError."""
        ...


def open_depth_files(path: Path) -> DepthFiles:
    """The maps at a path: a folder of PNGs, an .npz, or else a video. Raises InputError."""
    if path.is_dir():
        return PngFolder(path)
    if path.suffix == ".npz":
        return ArrayFile(path)
    return GreyVideo(path)


class PngFolder:
    """A folder of 16-bit grey PNGs, in order of the last number in their names, or of the names where one has none."""

    def __init__(self, folder: Path) -> None:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".png" and path.name[0] != ".")
        if not 0 < len(paths) <= MAX_MAPS:
            raise InputError(f"{folder}: holds {len(paths)} PNGs; expected a depth map for every frame.")
        numbers = [_number(path.stem) for path in paths]
        self.times: FloatArray | None = None
        if all(number is not None for number in numbers):
            times = np.array(numbers, dtype=np.float64)
            order = np.argsort(times, kind="stable")
            self.times, paths = times[order], [paths[index] for index in order]
        self.num_maps = len(paths)
        self._paths = paths

    def read(self, index: int) -> Map:
        """One PNG, decoded."""
        path = self._paths[index]
        return _map(path, ask("png", path))


class ArrayFile:
    """An .npz with an array `depth` (M, H, W), and perhaps `timestamps` (M,); streamed, never held as a whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._shape, self._type = self._header("depth")
        if len(self._shape) != 3 or self._type.name not in _ARRAY_TYPES:
            raise InputError(f"{path}: 'depth' is {self._type} {self._shape}; expected (N, H, W) of {_types()}.")
        self.num_maps, height, width = self._shape
        if not 0 < self.num_maps <= MAX_MAPS or not 0 < height * width <= MAX_PIXELS:
            raise InputError(f"{path}: 'depth' is {self._shape}; too large, or empty.")
        self.times = self._read_times()
        self._stream = _Stream(path, self._maps)

    def read(self, index: int) -> Map:
        """One slice of the array."""
        return self._stream.read(index)

    def _header(self, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
        with self._member(name) as file:
            shape, fortran, dtype = _read_header(file)
        if fortran and len(shape) > 1:
            raise InputError(f"{self._path}: '{name}' is in Fortran order. Save it with np.ascontiguousarray.")
        return shape, dtype

    def _read_times(self) -> FloatArray | None:
        try:
            shape, dtype = self._header("timestamps")
        except KeyError:
            return None
        if shape != (self.num_maps,) or dtype.kind not in "iuf":
            raise InputError(f"{self._path}: 'timestamps' is {dtype} {shape}; expected ({self.num_maps},) numbers.")
        with self._member("timestamps") as file:
            _read_header(file)
            return np.frombuffer(file.read(dtype.itemsize * self.num_maps), dtype).astype(np.float64)

    def _maps(self) -> Iterator[Map]:
        _, height, width = self._shape
        num_bytes = height * width * self._type.itemsize
        with self._member("depth") as file:
            _read_header(file)
            while len(data := file.read(num_bytes)) == num_bytes:
                yield np.frombuffer(data, self._type).reshape(height, width)

    @contextmanager
    def _member(self, name: str) -> Iterator[IO[bytes]]:
        """An array's bytes; what goes wrong while they are read is an InputError."""
        try:
            with zipfile.ZipFile(self._path) as archive, archive.open(f"{name}.npy") as file:
                yield file
        except KeyError:
            if name == "depth":
                raise InputError(f"{self._path}: has no array called 'depth'.") from None
            raise
        except _DAMAGE as failure:
            cause = str(failure) or "it ends too early"
            raise InputError(f"{self._path}: not a readable .npz ('{name}': {cause}).") from None


class GreyVideo:
    """A lossless video of 10 to 16-bit grey pictures (FFV1 in Matroska, say)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        times = packet_times(path)
        if not 0 < len(times) <= MAX_MAPS:
            raise InputError(f"{path}: holds {len(times)} pictures; expected a depth map for every frame.")
        self.times: FloatArray | None = np.sort(times).astype(np.float64)
        self.num_maps = len(times)
        self._stream = _Stream(path, self._maps)

    def read(self, index: int) -> Map:
        """One picture."""
        return self._stream.read(index)

    def _maps(self) -> Iterator[Map]:
        with Helper() as helper:
            for message in helper.ask("greys", self._path, STALL_TIMEOUT_S):
                yield _map(self._path, message)


def packet_times(path: Path) -> IntArray:
    """(N,) presentation times in ns of a video's frames, in order of decoding, none decoded. Raises InputError."""
    return int64_columns(ask("times", path, reading_time_s(path)), 1).ravel()


class _Stream:
    """An iteration that can be asked for by index: forward it runs on, backward it starts anew."""

    def __init__(self, path: Path, start: Callable[[], Iterator[Map]]) -> None:
        self._path = path
        self._start = start
        self._maps: Iterator[Map] = iter(())
        self._next_index = 0
        self._last: tuple[int, Map] | None = None

    def read(self, index: int) -> Map:
        if self._last is not None and self._last[0] == index:
            return self._last[1]
        if self._last is None or index < self._next_index:
            self._maps, self._next_index = self._start(), 0
        for found in self._maps:
            self._next_index += 1
            if self._next_index == index + 1:
                self._last = index, found
                return found
        raise InputError(f"{self._path}: ends after {self._next_index} depth maps; number {index + 1} was wanted.")


def _map(path: Path, message: Message) -> Map:
    """The picture that a helper sends."""
    shape, name = message.header.get("shape"), message.header.get("type")
    try:
        height, width = np.asarray(shape, dtype=np.int64)
        return np.frombuffer(message.payload, np.dtype(str(name))).reshape(height, width)
    except (ValueError, TypeError) as failure:
        raise InputError(f"{path}: the program that looked into it gave no picture ({failure}).") from failure


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, Fortran order and type of the .npy that a file begins with."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(file)


def _number(stem: str) -> float | None:
    """The last number in a name: of `000012`, `1305031102.175304`, `rs_Depth_1625.33` or `frame-000012.depth`."""
    numbers = re.findall(r"\d+(?:\.\d+)?", stem)
    return float(numbers[-1]) if numbers else None


def _types() -> str:
    return ", ".join(sorted(_ARRAY_TYPES))
