"""Cutting a long video into parts that can be looked at side by side, by its packets alone: nothing is decoded."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from humandata.arrays import IntArray
from humandata.video.helper import ask, int64_columns, reading_time_s
from humandata.video.probe import VideoInfo
from humandata.video.rates import thin

Ranges = tuple[tuple[int, int], ...]
"""Of bytes, half-open."""

_LATE_NS = 1_000_000_000
"""A packet stored so long behind one before it is no matter of the order in which frames are coded."""

_LONGEST_PART = 4
"""Times the length wanted. Where key frames lie further apart, memory counts for more than working side by side."""

_USUAL_KEY_INTERVAL_NS = 10_000_000_000
"""Key frames lie no further apart in what cameras and x264 write (250 frames)."""


@dataclass(frozen=True)
class Part:
    """A stretch of a video, and how much of what lies around it is looked at to find in it what one pass would."""

    index: int
    start_ns: int | None
    """It answers for the frames from here on, at a key frame; None: from the first."""
    stop_ns: int | None
    """To here, exclusive; None: to the last."""
    seek_ns: int | None
    """The decoder starts with the key frame that is stored at this time (its DTS); None: with the file."""
    from_ns: int | None
    """The first frame looked at."""
    until_ns: int | None
    """Where looking ends, exclusive."""
    num_frames: int
    """Frames of the part itself that the file holds, thinned to the rate."""
    byte_ranges: Ranges | None = None
    """What of the file all this needs (`part_bytes`); None: it is not known, or does not matter."""

    @property
    def words(self) -> str:
        """Where it lies, for a person to read."""
        start = "the beginning" if self.start_ns is None else f"{self.start_ns / 1e9:.1f} s"
        stop = "the end" if self.stop_ns is None else f"{self.stop_ns / 1e9:.1f} s"
        return f"{start} to {stop}"

    def answers_for(self, time_ns: int) -> bool:
        """Whether the frame of this time is one of the part itself."""
        return (self.start_ns is None or time_ns >= self.start_ns) and (self.stop_ns is None or time_ns < self.stop_ns)

    def beside(self, offset_ns: int, slack_ns: int) -> Part:
        """What of a second video, whose clock is `offset_ns` behind, goes with what is looked at of this one."""
        from_ns = None if self.from_ns is None else self.from_ns - offset_ns - slack_ns
        until_ns = None if self.until_ns is None else self.until_ns - offset_ns + slack_ns
        seek_ns = None if from_ns is None else from_ns - _USUAL_KEY_INTERVAL_NS
        return Part(self.index, None, None, seek_ns, from_ns, until_ns, 0)


WHOLE = Part(0, None, None, None, None, None, 0)
"""A video that is not cut."""


@dataclass(frozen=True)
class Cut:
    """A video cut into parts."""

    parts: tuple[Part, ...]
    warnings: tuple[str, ...] = ()
    """What its packets tell of it that no decoder of a part can."""


UNCUT = Cut((WHOLE,))


def cut_into_parts(path: Path, info: VideoInfo, rate_hz: float, length_s: float, overlap_s: float) -> Cut:
    """The parts of a video of which at most `rate_hz` frames a second are looked at; one where it is no longer.

    They are about equally long, at most `length_s` and the distance of two key frames; where that is many times as
    long, there is one. Each is looked at with `overlap_s` more on both sides. Only a file that declares to be longer
    is read, without decoding it; what it declares decides no more than that. Raises InputError where it cannot be read.
    """
    if info.start_ns is None or info.duration_ns is None or info.duration_ns <= length_s * 1e9:
        return UNCUT
    packets = _read_packets(path)
    if len(packets.presented_ns) < 2:
        return UNCUT
    first_ns, last_ns = int(packets.presented_ns[0]), int(packets.presented_ns[-1])
    cuts = _cuts(packets, first_ns, last_ns, length_s)
    if not cuts:
        return UNCUT
    overlap_ns = round(overlap_s * 1e9)
    frames_ns = packets.presented_ns[thin(packets.presented_ns, rate_hz, info.average_rate_hz, info.start_ns)]
    edges: list[int | None] = [None, *cuts, None]
    parts = []
    for index, (start_ns, stop_ns) in enumerate(itertools.pairwise(edges)):
        from_ns = None if start_ns is None else start_ns - overlap_ns
        until_ns = None if stop_ns is None else stop_ns + overlap_ns
        key = -1 if from_ns is None else int(np.searchsorted(packets.key_presented_ns, from_ns, side="right")) - 1
        seek_ns = int(packets.key_stored_ns[key]) if key > 0 else None
        first, last = np.searchsorted(frames_ns, [first_ns if start_ns is None else start_ns, stop_ns or last_ns + 1])
        parts.append(Part(index, start_ns, stop_ns, seek_ns, from_ns, until_ns, int(last - first)))
    if max(part.num_frames for part in parts) > _LONGEST_PART * length_s * rate_hz:
        return UNCUT
    return Cut(tuple(parts), packets.warnings)


@dataclass(frozen=True)
class _Packets:
    presented_ns: IntArray
    """(N,) when each frame is shown, in that order."""
    key_presented_ns: IntArray
    """(K,) increasing."""
    key_stored_ns: IntArray
    """(K,) their decoding times, no later: what a container is searched by."""
    warnings: tuple[str, ...]


def _read_packets(path: Path) -> _Packets:
    presented_ns, stored_ns, is_key = int64_columns(ask("packets", path, reading_time_s(path)), 3)
    keys = dict(zip(presented_ns[is_key != 0].tolist(), stored_ns[is_key != 0].tolist(), strict=True))
    key_presented = sorted(keys)
    return _Packets(
        np.unique(presented_ns),
        np.array(key_presented, dtype=np.int64),
        np.array([keys[time_ns] for time_ns in key_presented], dtype=np.int64),
        _told_of_order(stored_ns),
    )


def _told_of_order(stored_ns: IntArray) -> tuple[str, ...]:
    """A warning where packets with these decoding times (N,), in the order of the file, go back in time."""
    num_late = int((stored_ns < np.maximum.accumulate(stored_ns) - _LATE_NS).sum())
    if num_late == 0:
        return ()
    return (f"its times go back: {num_late} frames are stored behind later ones, and may be left out",)


def _cuts(packets: _Packets, first_ns: int, last_ns: int, length_s: float) -> list[int]:
    """Times of the key frames nearest to where equal parts would end, each once."""
    # A damaged file may show its last frame in a thousand years: no more parts than frames.
    count = min(int(np.ceil((last_ns - first_ns) / 1e9 / length_s)), len(packets.presented_ns))
    inner = packets.key_presented_ns[packets.key_presented_ns > first_ns]
    if count < 2 or len(inner) == 0:
        return []
    wanted = np.linspace(first_ns, last_ns, count + 1)[1:-1]
    nearest = [int(inner[np.argmin(np.abs(inner - time_ns))]) for time_ns in wanted]
    return sorted(set(nearest))
