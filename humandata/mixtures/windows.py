"""States and action chunks of steps of many episodes at once.

Of each step the records up to the last target of its chunk are laid behind one another on a common clock, so far apart
that nothing is interpolated across the joints: one track, which is encoded in one go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from humandata.actions import MAX_GAP_S, ActionGrid, encode_chunks, encode_states
from humandata.arrays import BoolArray, FloatArray, IntArray
from humandata.mixtures.packs import RECORD, TrackPack, track_of

_MAX_GAP_NS = round(MAX_GAP_S * 1e9)
_GAP_NS = 2 * _MAX_GAP_NS


@dataclass(frozen=True)
class Moments:
    """M moments of each of N samples, the oldest first and the last one now."""

    record: IntArray
    """(N, M) in the sample's pack."""
    known: BoolArray
    """(N, M) false before the episode's beginning and in a gap."""

    def part(self, samples: IntArray) -> Moments:
        """Those of some samples."""
        return Moments(self.record[samples], self.known[samples])


def past_moments(
    packs: Sequence[TrackPack], first: IntArray, now: IntArray, grids: Sequence[ActionGrid], num: int
) -> Moments:
    """Of N samples, whose episodes begin at the records `first` (N,), the `num` moments that end with `now` (N,).

    They lie a step of the grid apart; each is the record nearest in time, and known if none of the episode's is missing
    there: not before its first one, and not further from any than may be interpolated across.
    """
    moments = Moments(np.repeat(now[:, None], num, axis=1), np.ones((len(now), num), bool))
    for sample in range(len(now) if num > 1 else 0):
        begin, at = int(first[sample]), int(now[sample])
        period_ns = int(grids[sample].offsets_ns[0])
        times = packs[sample].timestamp_ns[begin : at + 1]
        wanted = times[-1] - period_ns * np.arange(num - 1, -1, -1)
        after = np.clip(np.searchsorted(times, wanted), 0, len(times) - 1)
        before = np.maximum(after - 1, 0)
        nearest = np.where(wanted - times[before] < times[after] - wanted, before, after)
        late = np.abs(times[nearest] - wanted)
        moments.record[sample] = begin + nearest
        moments.known[sample] = (late <= _MAX_GAP_NS // 2) & (wanted > times[0] - period_ns // 2)
    return moments


def encode_moments(
    packs: Sequence[TrackPack], moments: Moments, mask_rotation: bool, mask_gripper: BoolArray
) -> tuple[FloatArray, BoolArray]:
    """States and their mask (N, M, 20) at moments; all masked where a moment is not known."""
    num = moments.record.shape[1]
    whole = np.concatenate([pack.whole[at] for pack, at in zip(packs, moments.record, strict=True)])
    track = track_of(whole.view(RECORD), mask_rotation, np.repeat(mask_gripper, num))
    state, mask = encode_states(track, np.arange(len(whole)))
    state, mask = state.reshape(*moments.record.shape, -1), mask.reshape(*moments.record.shape, -1)
    state[~moments.known], mask[~moments.known] = 0.0, False
    return state, mask


def encode_steps(
    packs: Sequence[TrackPack],
    now: IntArray,
    stop: IntArray,
    grid: ActionGrid,
    mask_rotation: bool,
    mask_gripper: BoolArray,
) -> tuple[tuple[FloatArray, BoolArray], tuple[FloatArray, BoolArray]]:
    """States and their mask (N, 20), then chunks and their mask (N, H, 26), of N samples.

    Each is at the record `now` (N,) of its pack, in an episode that ends before the record `stop` (N,). The numbers are
    those of `actions.encode_states` and `actions.encode_chunks`.
    """
    horizon_ns = int(grid.offsets_ns[-1])
    windows = []
    for pack, start, end in zip(packs, now.tolist(), stop.tolist(), strict=True):
        times = pack.timestamp_ns
        size = int(times[start:end].searchsorted(times[start] + horizon_ns, side="right"))
        # One more than the last target lies between; two, as a target may fall on a step a little late.
        windows.append(pack.whole[start : min(start + size + 2, end)])
    sizes = np.array([len(window) for window in windows])
    first = np.cumsum(sizes) - sizes
    joined = np.concatenate(windows).view(RECORD)
    elapsed = joined["timestamp_ns"] - np.repeat(joined["timestamp_ns"][first], sizes)
    # What lies further beyond the horizon than may be interpolated across is never used: it may be nearer.
    joined["timestamp_ns"] = np.minimum(elapsed, horizon_ns + _GAP_NS + np.arange(len(elapsed))) + np.repeat(
        np.arange(len(windows)) * (horizon_ns + 3 * _GAP_NS), sizes
    )
    current = track_of(joined[first], mask_rotation, mask_gripper)
    track = track_of(joined, mask_rotation, np.repeat(mask_gripper, sizes), for_chunks_only=True)
    return encode_states(current, np.arange(len(first))), encode_chunks(track, first, grid)
