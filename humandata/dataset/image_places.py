"""Where the encoded images of a step file lie in it, so that one can be read without reading the file's footer.

Step files keep images uncompressed and `PLAIN` (`dataset.write`), so each is a run of bytes in the file. The layout of
a data page is that of https://parquet.apache.org/docs/file-format/data-pages/, its header is a Thrift struct in the
compact protocol (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
"""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from humandata.arrays import IntArray
from humandata.errors import DatasetError
from humandata.schemas.episode import PRIMARY_CAMERA
from humandata.storage import Store, is_remote

UNPLACED, ABSENT = -1, -2
"""Instead of an offset: of an image that only a Parquet reader finds, and of one of a camera that the file lacks."""

_Bytes = mmap.mmap | bytes

_DATA_PAGE = 0
_STRUCT = 12
_TYPE, _SIZE, _DATA_HEADER, _NUM_VALUES = 1, 2, 5, 1
"""Ids of the fields that are read: of PageHeader `type`, `uncompressed_page_size` and `data_page_header`, and of that
`num_values`."""


def image_places(path: Path, camera: str = PRIMARY_CAMERA) -> IntArray:
    """Offset and length (T, 2) in bytes of the images of a step file; DatasetError where it cannot be read.

    ABSENT throughout where the file has no such column; UNPLACED throughout where it is laid out in another way than
    `dataset.write` does it, or a moment has no image: such images can only be read by `ShardSource.read_images`.

    Of a file on an object store only the footer is read. There an image lies somewhere in the run of bytes given, which
    those of the neighbouring steps with the same offset share: `places_in_run` tells where.
    """
    try:
        if is_remote(path):
            return _runs(path, f"{camera}.bytes")
        metadata = pq.read_metadata(path)
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            places = _places(metadata, content, f"{camera}.bytes")
    except (OSError, ValueError, pa.ArrowException) as failure:
        raise DatasetError(f"{path}: cannot be read ({failure}). `humandata validate` lists what is wrong.") from None
    if len(places) != metadata.num_rows:
        return np.full((metadata.num_rows, 2), UNPLACED, dtype=np.int64)
    return np.array(places, dtype=np.int64).reshape(-1, 2)


def places_in_run(content: bytes) -> list[tuple[int, int]] | None:
    """Offset and length of each image in a run of bytes that `image_places` gave of a file on an object store.

    None where they are laid out in another way than `dataset.write` does it, or one is null.
    """
    try:
        return _run_places(content, 0, len(content))
    except (ValueError, IndexError):
        return None


def _runs(path: Path, column: str) -> IntArray:
    store = Store.at(path.parent)
    with store.open(path.name) as file:
        metadata = pq.read_metadata(file)
    names = [metadata.schema.column(index).path for index in range(metadata.num_columns)]
    runs: list[tuple[int, int]] = []
    for group in range(metadata.num_row_groups if column in names else 0):
        chunk = metadata.row_group(group).column(names.index(column))
        plain = chunk.compression == "UNCOMPRESSED" and not chunk.has_dictionary_page
        run = (chunk.data_page_offset, chunk.total_compressed_size) if plain else (UNPLACED, UNPLACED)
        runs += [run] * chunk.num_values
    if column not in names:
        runs = [(ABSENT, ABSENT)] * int(metadata.num_rows)
    return np.array(runs, dtype=np.int64).reshape(-1, 2)


def _places(metadata: pq.FileMetaData, content: _Bytes, column: str) -> list[tuple[int, int]]:
    names = [metadata.schema.column(index).path for index in range(metadata.num_columns)]
    if column not in names:
        return [(ABSENT, ABSENT)] * int(metadata.num_rows)
    places: list[tuple[int, int]] = []
    for group in range(metadata.num_row_groups):
        chunk = metadata.row_group(group).column(names.index(column))
        if chunk.compression != "UNCOMPRESSED" or chunk.has_dictionary_page:
            return []
        found = _run_places(content, chunk.data_page_offset, chunk.data_page_offset + chunk.total_compressed_size)
        if found is None:
            return []
        places += found
    return places


def _run_places(content: _Bytes, at: int, end: int) -> list[tuple[int, int]] | None:
    """Places in the data pages of a column of a row group."""
    places: list[tuple[int, int]] = []
    while at < end:
        header, start = _read_struct(content, at)
        data = header.get(_DATA_HEADER)
        at = start + _int(header.get(_SIZE))
        if header.get(_TYPE) != _DATA_PAGE or not isinstance(data, dict):
            return None
        page = _page_places(content, start, at, _int(data.get(_NUM_VALUES)))
        if page is None:
            return None
        places += page
    return places


def _page_places(content: _Bytes, start: int, end: int, num_values: int) -> list[tuple[int, int]] | None:
    """Places in one page: a block of definition levels with its length before it, then each value with its own."""
    at = start + 4 + int.from_bytes(content[start : start + 4], "little")
    places = []
    for _ in range(num_values):
        length = int.from_bytes(content[at : at + 4], "little")
        places.append((at + 4, length))
        at += 4 + length
    return places if at == end else None


def _int(value: object) -> int:
    return value if isinstance(value, int) else -1


def _read_struct(content: _Bytes, at: int) -> tuple[dict[int, object], int]:
    """The fields of a Thrift struct by id, and where it ends; ValueError for a type that page headers do not use."""
    fields: dict[int, object] = {}
    field = 0
    while content[at]:
        delta, kind = content[at] >> 4, content[at] & 15
        at += 1
        if delta:
            field += delta
        else:
            field, at = _read_zigzag(content, at)
        if kind in (1, 2):  # true and false are in the type itself
            fields[field] = kind == 1
        elif kind in (4, 5, 6):  # integers of 16, 32 and 64 bits
            fields[field], at = _read_zigzag(content, at)
        elif kind == 8:  # bytes
            length, at = _read_varint(content, at)
            at += length
        elif kind == _STRUCT:
            fields[field], at = _read_struct(content, at)
        else:
            raise ValueError(f"unknown Thrift type {kind} in a page header")
    return fields, at + 1


def _read_varint(content: _Bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def _read_zigzag(content: _Bytes, at: int) -> tuple[int, int]:
    value, at = _read_varint(content, at)
    return (value >> 1) ^ -(value & 1), at
