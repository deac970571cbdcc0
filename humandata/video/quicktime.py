"""Metadata that phones write into a track of an MP4 or MOV, and that FFmpeg does not report.

Apple keeps what belongs to a camera (lens, equivalent focal length) with its track: `moov/trak/meta`, whose `keys`
name the items of its `ilst` (QuickTime File Format, "Metadata"). FFmpeg reads only those of the file as a whole.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO

MAX_META_BYTES = 1 << 20
"""A track's metadata is a few hundred bytes; more is not read."""

MAX_ATOMS = 10_000
"""Looked at before a file is taken to be nonsense."""

_FOLDERS = frozenset({b"moov", b"trak"})
_UTF8, _FLOAT32, _FLOAT64, _INT, _UINT = 1, 23, 24, 21, 22


def track_metadata(file: BinaryIO) -> dict[str, str]:
    """Metadata items of all tracks as text, by their full key; empty where there are none, or the file is broken."""
    items: dict[str, str] = {}
    try:
        for number, (start, end) in enumerate(_metas(file, 0, file.seek(0, io.SEEK_END), depth=0)):
            if number < MAX_ATOMS and end - start <= MAX_META_BYTES:
                file.seek(start)
                items |= _items(file.read(end - start))
    except (OSError, struct.error):
        return items
    return items


def _metas(file: BinaryIO, start: int, end: int, depth: int) -> Iterator[tuple[int, int]]:
    """Spans of the contents of every track's `meta`."""
    for kind, inner, after in _atoms(file, start, end):
        if kind in _FOLDERS and depth < len(_FOLDERS):
            yield from _metas(file, inner, after, depth + 1)
        elif kind == b"meta" and depth == len(_FOLDERS):
            yield inner, after


def _atoms(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind of each atom between two places of a file, and the span of its content."""
    for _ in range(MAX_ATOMS):
        file.seek(start)
        head = file.read(16)
        if start + 8 > end or len(head) < 8:
            return
        size, kind = struct.unpack(">I4s", head[:8])
        inner = start + 8
        if size == 1 and len(head) == 16:
            size, inner = struct.unpack(">Q", head[8:])[0], start + 16
        after = end if size == 0 else start + size
        if not inner <= after <= end:
            return
        yield kind, inner, after
        start = after


def _items(meta: bytes) -> dict[str, str]:
    keys: list[str] = []
    values: dict[int, str] = {}
    for kind, content in _parts(meta):
        if kind == b"keys":
            keys = [name.decode("utf-8", "replace") for _, name in _parts(content[8:])]
        elif kind == b"ilst":
            for index, item in _parts(content):
                for inner_kind, data in _parts(item):
                    if inner_kind == b"data" and len(data) > 8:
                        values[int.from_bytes(index, "big")] = _text(int.from_bytes(data[:4], "big"), data[8:])
    return {keys[index - 1]: value for index, value in values.items() if 0 < index <= len(keys)}


def _parts(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each atom in a byte string."""
    start = 0
    while start + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, start)
        if size < 8 or start + size > len(content):
            return
        yield kind, content[start + 8 : start + size]
        start += size


def _text(kind: int, data: bytes) -> str:
    """A value as text, whatever its type; empty where the type is none of text and number."""
    if kind == _UTF8:
        return data.decode("utf-8", "replace")
    if kind in (_INT, _UINT) and len(data) <= 8:
        return str(int.from_bytes(data, "big", signed=kind == _INT))
    if (kind, len(data)) in ((_FLOAT32, 4), (_FLOAT64, 8)):
        return repr(struct.unpack(">f" if kind == _FLOAT32 else ">d", data)[0])
    return ""
