"""States and action chunks of steps of many episodes at once.

Of each step the records up to the last target of its chunk are laid behind one another on a common clock, so far apart
that nothing is interpolated across the joints: one track, which is encoded in one go.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from humandata.actions import MAX_GAP_S, ActionGrid, encode_chunks, encode_states
from humandata.geometry.rotations import FloatArray
from humandata.mixtures.packs import RECORD, track_of
from humandata.schemas.episode import BoolArray

IndexArray = NDArray[np.int64]

_GAP_NS = 2 * round(MAX_GAP_S * 1e9)
_WHOLE = np.dtype((np.void, RECORD.itemsize))
"""A record as mere bytes, which are joined without a look at each field."""


def encode_steps(
    episodes: Sequence[NDArray[np.void]],
    steps: IndexArray,
    grid: ActionGrid,
    mask_rotation: bool,
    mask_gripper: BoolArray,
) -> tuple[tuple[FloatArray, BoolArray], tuple[FloatArray, BoolArray]]:
    """States and their mask (N, 20), then chunks and their mask (N, H, 26), at a step (N,) of each of N episodes.

    `episodes` are their records (T_n,). The numbers are those of `actions.encode_states` and `actions.encode_chunks`.
    """
    horizon_ns = int(grid.offsets_ns[-1])
    windows = []
    for records, step in zip(episodes, steps.tolist(), strict=True):
        timestamp_ns = records["timestamp_ns"]
        last = int(np.searchsorted(timestamp_ns, timestamp_ns[step] + horizon_ns, side="right"))
        # One more than the last target lies between; two, as a target may fall on a step a little late.
        windows.append(records[step : last + 2])
    sizes = np.array([len(window) for window in windows])
    first = np.cumsum(sizes) - sizes
    joined = np.concatenate([window.view(_WHOLE) for window in windows]).view(RECORD)
    elapsed = joined["timestamp_ns"] - np.repeat(joined["timestamp_ns"][first], sizes)
    # What lies further beyond the horizon than may be interpolated across is never used: it may be nearer.
    joined["timestamp_ns"] = np.minimum(elapsed, horizon_ns + _GAP_NS + np.arange(len(elapsed))) + np.repeat(
        np.arange(len(windows)) * (horizon_ns + 3 * _GAP_NS), sizes
    )
    now = track_of(joined[first], mask_rotation, mask_gripper)
    track = track_of(joined, mask_rotation, np.repeat(mask_gripper, sizes), for_chunks_only=True)
    return encode_states(now, np.arange(len(first))), encode_chunks(track, first, grid)
