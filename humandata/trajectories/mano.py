"""MANO along a track: carried from the detections to the steps as it was seen, neither smoothed nor filled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from humandata.arrays import IntArray
from humandata.hands.estimator import HandDetection
from humandata.schemas.episode import ArmTrack, ManoTrack
from humandata.schemas.landmarks import Side
from humandata.trajectories.missing import where_valid


def mano_of(hands: Mapping[int, HandDetection], side: Side, num_frames: int) -> ManoTrack | None:
    """MANO over N frames, of the hands of a track by frame; None where the estimator fits none.

    A frame in which the hand was taken for the other side is left out: it was fitted as that other hand.
    """
    fitted = {index: hand.mano for index, hand in hands.items() if hand.mano is not None and hand.side == side}
    if not fitted:
        return None
    track = ManoTrack(
        np.full((num_frames, 3), np.nan), np.full((num_frames, 15, 3), np.nan), np.full((num_frames, 10), np.nan)
    )
    for index, mano in fitted.items():
        track.global_orient[index] = mano.global_orient
        track.hand_pose[index] = mano.hand_pose
        track.betas[index] = mano.betas
    return track


def with_mano(arm: ArmTrack, mano: ManoTrack | None) -> ArmTrack:
    """The arm with MANO at those of its N frames that were observed."""
    if mano is None or arm.hand is None:
        return arm
    observed = arm.valid & ~arm.interpolated
    seen = ManoTrack(**{name: where_valid(observed, values) for name, values in vars(mano).items()})
    return replace(arm, hand=replace(arm.hand, mano=seen))


def take_mano(mano: ManoTrack | None, frames: IntArray) -> ManoTrack | None:
    """MANO at some of the frames."""
    return None if mano is None else ManoTrack(**{name: values[frames] for name, values in vars(mano).items()})
