"""What the actions of a source's episodes are made of, read without images and hands."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from humandata.actions import ACTION_LAYOUT, ActionGrid, ActionPolicy, ActionTrack, encode_chunks, make_track
from humandata.dataset.read import ShardSource
from humandata.dataset.tables import episode_from_table
from humandata.embodiments import get_embodiment
from humandata.schemas.columns import IMAGE_TYPE, STEP_COLUMNS
from humandata.schemas.landmarks import SIDES
from humandata.schemas.mixture import HumanGripper

_COLUMNS = [
    column.name
    for column in STEP_COLUMNS
    if column.type != IMAGE_TYPE and not any(part in column.name for part in ("_wrist_", "_landmarks_"))
]


class TrackReader:
    """Reads the tracks of one source under the mixture's terms. `rows` holds its episodes' rows by id."""

    def __init__(
        self, source: ShardSource, static_camera: bool, mask_rotation: bool, human_gripper: HumanGripper
    ) -> None:
        self._source = source
        self._static_camera = static_camera
        self._mask_rotation = mask_rotation
        self._human_gripper = human_gripper
        rows = source.episodes().to_pylist(maps_as_pydicts="strict")
        self.rows: dict[str, dict[str, Any]] = {row["id"]: row for row in rows}

    def read(self, episode_id: str) -> ActionTrack:
        """The track of an episode; DatasetError where its file cannot be read."""
        row = self.rows[episode_id]
        is_human = get_embodiment(row["embodiment"]).kind == "human"
        policy = ActionPolicy(
            static_camera=self._static_camera,
            mask_rotation=self._mask_rotation,
            mask_gripper=is_human and self._human_gripper == "mask",
        )
        return make_track(episode_from_table(row, self._source.read_steps(episode_id, _COLUMNS)), policy)


def eligible_steps(track: ActionTrack, grid: ActionGrid) -> NDArray[np.bool_]:
    """The steps (T,) at which, for at least one arm, the first target of the chunk is known."""
    first = ActionGrid(1, grid.rate_hz, grid.slowdown)
    _, mask = encode_chunks(track, np.arange(len(track.timestamp_ns)), first)
    return np.asarray(np.any([mask[:, 0, ACTION_LAYOUT[f"{side}_position"]].all(axis=1) for side in SIDES], axis=0))
