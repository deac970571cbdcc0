"""Which bytes of a long video a part of it needs, so that a worker fetches no more of it from an object store.

Known of MP4 and MOV files whose index stands in one piece, as cameras write them: it tells where every frame lies. All
that is not pictures or sound is part of the answer, as is the beginning, which whoever opens a video looks at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from humandata.video.helper import ask, int64_columns
from humandata.video.parts import Part, Ranges

OPENING_FRAMES = 64
"""At the beginning: one is decoded to see what the video is."""
FURTHER_NS = 2_000_000_000
"""After a part: a decoder reads on until it has seen that the part is over."""
FURTHER_FRAMES = 64
_HEADER_BYTES = 16


def with_bytes(path: Path, parts: Sequence[Part]) -> list[Part]:
    """The parts, knowing what of the file they need; as they are where that cannot be told."""
    size = path.stat().st_size
    answer = ask("index", path)
    stored, start, length = int64_columns(answer, 3)
    tick_ns = answer.header.get("tick_ns")
    if not len(stored) or not isinstance(tick_ns, float):
        return list(parts)
    beside = list(_beside_media(path, size))
    stored_ns = stored * tick_ns
    opening = (0, min(OPENING_FRAMES, len(stored)))

    def needed(part: Part) -> Ranges:
        first = 0 if part.seek_ns is None else int(np.searchsorted(stored_ns, part.seek_ns - tick_ns))
        last = len(stored)
        if part.until_ns is not None:
            last = int(np.searchsorted(stored_ns, part.until_ns + FURTHER_NS)) + FURTHER_FRAMES
        frames = [(int(start[a:b].min()), int((start[a:b] + length[a:b]).max())) for a, b in (opening, (first, last))]
        return tuple(_joined([*beside, *frames]))

    return [replace(part, byte_ranges=needed(part)) for part in parts]


def _beside_media(path: Path, size: int) -> Iterator[tuple[int, int]]:
    """Every box of the file's top level but the media, of which the header alone (ISO/IEC 14496-12, 4.2)."""
    at = 0
    with path.open("rb") as file:
        while at < size:
            file.seek(at)
            header = file.read(_HEADER_BYTES)
            length = int.from_bytes(header[:4], "big")
            if length == 1:
                length = int.from_bytes(header[8:16], "big")
            stop = size if length < 8 else min(at + length, size)
            yield at, min(at + _HEADER_BYTES, size) if header[4:8] == b"mdat" else stop
            at = stop


def _joined(ranges: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The same bytes, each once."""
    reached = None
    for start, stop in sorted(ranges):
        if reached is None or start > reached[1]:
            if reached is not None:
                yield reached
            reached = (start, stop)
        else:
            reached = (reached[0], max(reached[1], stop))
    if reached is not None:
        yield reached
