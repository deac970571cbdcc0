"""What the actions of a source's episodes are made of, read without images and hands."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from humandata.actions import ACTION_LAYOUT, ActionGrid, ActionPolicy, ActionTrack, encode_chunks, make_track
from humandata.arrays import BoolArray
from humandata.dataset.read import ShardSource
from humandata.dataset.tables import episode_from_table
from humandata.schemas.columns import IMAGE_TYPE, STEP_COLUMNS
from humandata.schemas.landmarks import SIDES

_COLUMNS = [
    column.name
    for column in STEP_COLUMNS
    if column.type != IMAGE_TYPE and not any(part in column.name for part in ("_wrist_", "_landmarks_"))
]


def read_tracks(source: ShardSource, static_camera: bool) -> Iterator[tuple[str, ActionTrack]]:
    """The id and the track of every episode of a source, in the order of its table.

    Nothing of them is masked; a camera that is declared `static_camera` stood still (`ActionPolicy`). DatasetError
    where a step file cannot be read.
    """
    policy = ActionPolicy(static_camera=static_camera)
    for row in source.episodes().to_pylist(maps_as_pydicts="strict"):
        yield row["id"], make_track(episode_from_table(row, source.read_steps(row["id"], _COLUMNS)), policy)


def eligible_steps(track: ActionTrack, grid: ActionGrid) -> BoolArray:
    """The steps (T,) at which, for at least one arm, the first target of the chunk is known."""
    first = ActionGrid(1, grid.rate_hz, grid.slowdown)
    _, mask = encode_chunks(track, np.arange(len(track.timestamp_ns)), first)
    return np.asarray(np.any([mask[:, 0, ACTION_LAYOUT[f"{side}_position"]].all(axis=1) for side in SIDES], axis=0))
