"""A stretch of a video that holds many episodes: its pictures at given times, and what it is made of.

Reading starts at the key frame before the stretch and ends with it, so that a file of many episodes is read once over
all of them, not once for each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from humandata.arrays import FloatArray, Image
from humandata.errors import InputError
from humandata.video.probe import probe
from humandata.video.safety import MAX_PIXELS, OPEN_OPTIONS, check_readable, media_url

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

_NUM_THREADS = 2


@dataclass(frozen=True, eq=False)
class VideoWindow:
    """The times at which pictures are wanted, on the container's own clock."""

    path: Path
    times_s: FloatArray
    """(T,) seconds, increasing."""
    tolerance_s: float
    """How far the nearest frame may lie from a time: half a frame, so that it is the only one."""

    def pictures(self) -> Iterator[Image]:
        """The frame (H, W, 3) uint8 RGB nearest to each time; raises InputError where none is near enough."""
        with _opened(self.path) as (container, stream):
            frames = _frames_from(container, stream, self._start_s)
            near = [frame for frame in (next(frames, None),) if frame]
            for time_s in self.times_s:
                while near and near[-1].time < time_s and (following := next(frames, None)):
                    near = [near[-1], following]
                distances = [abs(frame.time - time_s) for frame in near]
                if min(distances, default=np.inf) > self.tolerance_s:
                    found = f"the nearest is at {near[int(np.argmin(distances))].time:.4f} s" if near else "it has none"
                    raise InputError(f"{self.path}: no frame at {time_s:.4f} s of the video ({found}).")
                yield np.asarray(near[int(np.argmin(distances))].to_ndarray(format="rgb24"), dtype=np.uint8)

    def sha256(self) -> str:
        """Hash of the encoded frames that the stretch is decoded from: it stays when a file grows by other episodes."""
        digest = hashlib.sha256()
        with _opened(self.path) as (container, stream):
            digest.update(stream.codec_context.extradata or b"")
            _seek(container, stream, self._start_s)
            time_base = stream.time_base or Fraction(1)
            for packet in container.demux(stream):
                if packet.dts is None or packet.pts is None:
                    continue
                if packet.dts * time_base > self._end_s:
                    break
                if packet.pts * time_base <= self._end_s:
                    digest.update(f"{packet.pts * time_base}:{packet.size}:".encode())
                    digest.update(bytes(packet))
        return digest.hexdigest()

    @property
    def _start_s(self) -> float:
        return max(float(self.times_s[0]) - self.tolerance_s, 0.0)

    @property
    def _end_s(self) -> float:
        return float(self.times_s[-1]) + self.tolerance_s


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """An untrusted file and its first video stream; what FFmpeg finds wrong in it becomes an InputError."""
    check_readable(path)
    try:
        with av.open(media_url(path), mode="r", options=OPEN_OPTIONS, metadata_errors="replace") as container:
            if not container.streams.video:
                raise InputError(f"{path}: no video stream.")
            stream = container.streams.video[0]
            stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
            stream.codec_context.thread_count = _NUM_THREADS
            yield container, stream
    except av.error.FFmpegError as error:
        probe(path)  # says it better where the file as a whole is at fault
        raise InputError(f"{path}: damaged ({error.strerror}).") from error


def _frames_from(container: InputContainer, stream: VideoStream, start_s: float) -> Iterator[Any]:
    _seek(container, stream, start_s)
    return (frame for frame in container.decode(stream) if frame.pts is not None)


def _seek(container: InputContainer, stream: VideoStream, start_s: float) -> None:
    if start_s > 0:
        container.seek(int(start_s / (stream.time_base or Fraction(1))), stream=stream)
