"""The frames of a long video in chapters. Each becomes episodes before the next is read, which bounds the memory."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from humandata.arrays import IntArray
from humandata.pipelines.part_files import PartOutline, SeenPart, join_outlines, join_parts, read_outline, read_part
from humandata.pipelines.sightings import Sightings
from humandata.video.spool import Pictures

REACH = 0.25
"""Of a chapter's length: how far from where equal chapters would end one may end, where no hand is seen there."""


@dataclass(frozen=True)
class Chapter:
    """What was seen in some of a video's frames."""

    seen: Sightings
    pictures: Pictures
    """Those of `seen.stored`."""


@dataclass(frozen=True)
class SeenVideo:
    """What was seen in a video."""

    timestamp_ns: IntArray
    """(N,) of all frames looked at."""
    warnings: tuple[str, ...]
    chapters: Iterable[Chapter]
    """One after the other, to be gone through once."""


def cut_into_chapters(timestamp_ns: IntArray, num_hands: IntArray, num_frames: int, bridged_s: float) -> list[slice]:
    """Which of N >= 1 frames make a chapter, given how many hands are seen in each; one where there are no more.

    They are about equally long, at most `num_frames` and half as much again. One ends where no hand is seen for longer
    than `bridged_s`, if there is such a place near where it should: no hand is then tracked across. Else it ends all
    the same.
    """
    N = len(timestamp_ns)
    count = -(-N // num_frames)
    seen = np.flatnonzero(num_hands)
    before, after = np.append(-1, seen), np.append(seen, N)
    pause = np.ones(len(before), dtype=np.bool_)
    pause[1:-1] = np.diff(timestamp_ns[seen]) > bridged_s * 1e9
    before, after = before[pause], after[pause]
    cuts = [0]
    for wanted in np.linspace(0, N, count + 1)[1:-1].round().astype(int).tolist():
        places = np.clip(wanted, before + 1, after)
        nearest = int(places[np.argmin(np.abs(places - wanted))])
        cuts.append(nearest if abs(nearest - wanted) <= REACH * num_frames else wanted)
    return [slice(start, stop) for start, stop in pairwise([*cuts, N]) if start < stop]


@dataclass(frozen=True)
class JoinedParts:
    """The parts of a video, one after the other."""

    outline: PartOutline
    chapters: Generator[Chapter]
    """To be gone through once, and closed."""


def join_in_chapters(folder: Path, indices: Sequence[int], num_frames: int, bridged_s: float) -> JoinedParts:
    """The parts of those numbers, at least one, that lie in a folder, in chapters as `cut_into_chapters` cuts them.

    A part is read when a chapter needs it.
    """
    outlines = [read_outline(folder, index) for index in indices]
    outline = join_outlines(outlines)
    cuts = cut_into_chapters(outline.timestamp_ns, outline.num_hands, num_frames, bridged_s)
    return JoinedParts(outline, _read_chapters(folder, indices, outlines, cuts))


def _read_chapters(
    folder: Path, indices: Sequence[int], outlines: Sequence[PartOutline], chapters: Sequence[slice]
) -> Generator[Chapter]:
    first = np.cumsum([0, *(len(outline.timestamp_ns) for outline in outlines)]).tolist()
    for chapter in chapters:
        parts: list[SeenPart] = []
        for index, (start, stop) in zip(indices, pairwise(first), strict=True):
            own = slice(max(chapter.start - start, 0), min(chapter.stop, stop) - start)
            if own.start < own.stop:
                parts.append(read_part(folder, index).take(own))
        seen, pictures = join_parts(parts)
        del parts
        with pictures:
            yield Chapter(seen, pictures)
        del seen
