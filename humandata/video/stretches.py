"""A video that one decoder goes through, dealt out in stretches: no more than one of them has to be remembered."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import chain

import numpy as np

from humandata.video.decode import Decoding, Frame
from humandata.video.parts import WHOLE, Part
from humandata.video.probe import VideoInfo
from humandata.video.spool import PictureSpool


class Stretch:
    """Frames of a running decoder: the last of the stretch before, then its own, then the first of the next one.

    It is gone through once, to the end. Only then `part` tells which frames are its own.
    """

    damage: str | None = None
    """There is none that counts for a stretch alone: a decoder that began with the file tells of it in warnings."""

    def __init__(
        self, decoding: Decoding, frames: Iterator[Frame], part: Part, length: int, overlap: int, kept: _Kept
    ) -> None:
        """At most `length` frames of its own; into `kept` goes what the next stretch begins with."""
        self.part = part
        self._decoding = decoding
        self._frames = frames
        self._length = length
        self._overlap = overlap
        self._kept = kept

    @property
    def info(self) -> VideoInfo:
        """Of the video."""
        return self._decoding.info

    @property
    def warnings(self) -> list[str]:
        """What there is to say of the video, known with its last frame."""
        return self._decoding.warnings

    @property
    def is_last(self) -> bool:
        """Whether no frame is left behind its own."""
        return self.part.stop_ns is None

    def __iter__(self) -> Generator[Frame]:
        num_reached = 0  # its own, and those of the next stretch
        for frame in self._frames:
            if self.part.answers_for(frame.timestamp_ns) or not self.is_last:
                num_reached += 1
            if num_reached == self._length + 1:
                self.part = replace(self.part, stop_ns=frame.timestamp_ns)
            if num_reached > self._length - self._overlap:
                self._kept.append(frame)
            yield frame
            if num_reached == self._length + self._overlap:
                self.part = replace(self.part, until_ns=frame.timestamp_ns + 1)
                return


def stretches(decoding: Decoding, length: int, overlap: int) -> Generator[Stretch]:
    """The stretches of a video, at least one, each to be gone through before the next is asked for.

    Each has `length` frames of its own, the last one fewer, and besides up to `overlap` of both its neighbours.
    """
    assert 0 < overlap < length
    with closing(iter(decoding)) as frames, PictureSpool() as one, PictureSpool() as other:
        part, earlier, later = WHOLE, _Kept(one, decoding), _Kept(other, decoding)
        while True:
            stretch = Stretch(decoding, chain(earlier, frames), part, length, overlap, later)
            yield stretch
            if stretch.is_last:
                return
            start_ns, from_ns = stretch.part.stop_ns, next(iter(later)).timestamp_ns
            part = replace(WHOLE, index=part.index + 1, start_ns=start_ns, from_ns=from_ns)
            earlier, later = later, earlier
            later.clear()


class _Kept:
    """Frames put aside, uncompressed."""

    def __init__(self, spool: PictureSpool, decoding: Decoding) -> None:
        self._spool = spool
        self._shape = (decoding.height, decoding.width, 3)
        self._timestamp_ns: list[int] = []

    def append(self, frame: Frame) -> None:
        self._spool.append(frame.image.tobytes())
        self._timestamp_ns.append(frame.timestamp_ns)

    def clear(self) -> None:
        self._spool.clear()
        self._timestamp_ns.clear()

    def __iter__(self) -> Iterator[Frame]:
        for number, timestamp_ns in enumerate(self._timestamp_ns):
            image = np.frombuffer(self._spool.read(number), dtype=np.uint8).reshape(self._shape)
            yield Frame(timestamp_ns, image)
