"""Where the packets of a video lie, none decoded. Runs within the fences (`helper_program`), on a file already open."""

from __future__ import annotations

from typing import BinaryIO

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from humandata.arrays import IntArray
from humandata.errors import InputError
from humandata.video.handed_file import open_container


def read_packets(file: BinaryIO, name: str) -> IntArray:
    """(N, 3) of each packet with a time: when it is shown and when it is decoded, in ns, and whether it is a key frame.

    Raises InputError where the file cannot be read to its end.
    """
    rows = []
    try:
        with open_container(file, name) as container:
            for packet in container.demux(_first_video(container)):
                if packet.pts is None or packet.time_base is None:
                    continue
                stored = packet.pts if packet.dts is None else min(packet.dts, packet.pts)
                times = (round(ticks * packet.time_base * 10**9) for ticks in (packet.pts, stored))
                rows.append((*times, int(packet.is_keyframe)))
    except av.error.FFmpegError as error:
        raise InputError(f"cannot be read to its end ({error.strerror})") from error
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def read_index(file: BinaryIO, name: str) -> tuple[float, IntArray]:
    """Of an MP4 or MOV with an index in one piece: ns a tick, and (N, 3) time in ticks, place and size of each frame.

    No rows where that is not known.
    """
    nothing = 0.0, np.zeros((0, 3), dtype=np.int64)
    try:
        with open_container(file, name) as container:
            stream = _first_video(container)
            entries = [(entry.timestamp, entry.pos, entry.size) for entry in stream.index_entries]
            if "mov" not in container.format.name or len(entries) != stream.frames or stream.time_base is None:
                return nothing
            return float(stream.time_base) * 1e9, np.array(entries, dtype=np.int64).reshape(-1, 3)
    except (av.error.FFmpegError, InputError):
        return nothing


def _first_video(container: InputContainer) -> VideoStream:
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    raise InputError("no video stream")
