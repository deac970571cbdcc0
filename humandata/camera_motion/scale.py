"""How long is one unit of a path of unknown scale? The hands are metric, so they tell, in two ways.

A hand hides what lies behind it: the background beside it in the picture is at least as far away, and about as far
where it works on a table. That bounds the scale from below, and is near it wherever the hands touch what they work on.

Within that range, the right scale is the one under which the hands rest most: with a wrong one, a hand at rest in the
world moves with the head. People rest their hands often enough for a robust mode to find it, but the head must be
displaced by more than the hands are uncertain: otherwise only the bound remains, and the sigma says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from humandata.arrays import FloatArray, IntArray
from humandata.camera_motion.sfm import Reconstruction
from humandata.geometry.transforms import apply, invert
from humandata.schemas.landmarks import Side

_BESIDE_PER_HAND = 1.5
"""Background within this many hand sizes of the hand's centre, in the picture, is beside it."""
_NEIGHBOURS = 8
_TOUCH_QUANTILE = 0.9
"""Of the ratio of a hand's depth to that of what is beside it: the hands touch something a tenth of the time."""
_LOG_PRIOR = (0.05, 0.2)
"""Mean and standard deviation of the logarithm of the scale over that bound: the hands hover a little above what they
work on, depth errs by a tenth, and so does the reconstruction where the head moves little."""
_LOGS = np.linspace(-0.6, 0.8, 113)
_LAG_NS = 250_000_000
"""A head is displaced by more than a hand is uncertain within a quarter of a second, or not at all."""
_SIGMA_M = (0.006, 0.006, 0.02)
"""Of a hand's displacement over the lag, along the camera's axes: landmarks jitter by a few pixels, which is some
millimetres across the line of sight, and thrice that along it."""


@dataclass(frozen=True)
class Scale:
    """Metres for one unit of the path."""

    metres: float
    sigma: float
    """Standard deviation, as a share of `metres`."""


def scale_from_hands(
    reconstruction: Reconstruction,
    timestamp_ns: IntArray,
    hands: Mapping[Side, FloatArray],
) -> Scale | None:
    """The scale of a path over M pictures, given the landmarks (M, 21, 3) of hands in metres in the camera frame.

    None where no hand is seen beside background that was reconstructed.
    """
    ratios = np.concatenate([_depth_ratios(reconstruction, landmarks) for landmarks in hands.values()])
    if len(ratios) < 5:
        return None
    bound = float(np.quantile(ratios, _TOUCH_QUANTILE))
    log_posterior = -0.5 * ((_LOGS - _LOG_PRIOR[0]) / _LOG_PRIOR[1]) ** 2
    for landmarks in hands.values():
        hand, head, weight = _displacements(reconstruction.T_sfm_camera, timestamp_ns, landmarks)
        moved = hand[None] + np.exp(_LOGS)[:, None, None] * bound * head[None]
        squares = ((moved / _SIGMA_M) ** 2).sum(axis=-1)
        # A hand at rest costs nothing, and one that moves the same however fast it does (Geman and McClure).
        log_posterior -= 0.5 * (squares / (1.0 + squares)).sum(axis=1) * weight
    density = np.exp(log_posterior - log_posterior.max())
    density /= density.sum()
    mean = float(density @ _LOGS)
    return Scale(float(np.exp(mean)) * bound, float(np.sqrt(density @ (_LOGS - mean) ** 2)))


def _depth_ratios(reconstruction: Reconstruction, landmarks: FloatArray) -> FloatArray:
    """Depth of the hand over that of the background beside it, in every picture that shows both."""
    ratios = []
    for number in np.flatnonzero(reconstruction.placed & np.isfinite(landmarks).all(axis=(1, 2))).tolist():
        hand_px = reconstruction.camera.project(landmarks[number])
        size = float(np.linalg.norm(np.ptp(hand_px, axis=0)))
        depth = apply(invert(reconstruction.T_sfm_camera[number]), reconstruction.points)[:, 2]
        away = np.linalg.norm(reconstruction.pixels[number] - hand_px.mean(axis=0), axis=-1)
        beside = np.flatnonzero((away <= _BESIDE_PER_HAND * size) & (depth > 0))
        if len(beside) >= 3:
            nearest = beside[np.argsort(away[beside])[:_NEIGHBOURS]]
            ratios.append(float(np.median(landmarks[number, :, 2]) / np.median(depth[nearest])))
    return np.array(ratios)


def _displacements(
    T_sfm_camera: FloatArray, timestamp_ns: IntArray, landmarks: FloatArray
) -> tuple[FloatArray, FloatArray, float]:
    """Of K pairs of pictures a lag apart: how the palm moved (K, 3) were the head only turning, how the head moved
    (K, 3), both along the axes of the first picture's camera, and how much of its own a pair tells: they overlap.
    """
    palm = landmarks[:, [0, 5, 9, 13, 17]].mean(axis=1)
    R, position = T_sfm_camera[:, :3, :3], T_sfm_camera[:, :3, 3]
    known = np.isfinite(palm).all(axis=1) & np.isfinite(position).all(axis=1)
    later = np.searchsorted(timestamp_ns, timestamp_ns + _LAG_NS)
    first = np.flatnonzero(later < len(timestamp_ns))
    first = first[known[first] & known[later[first]]]
    last = later[first]
    if len(first) == 0:
        return np.zeros((0, 3)), np.zeros((0, 3)), 0.0
    turned = (R[last] @ palm[last, :, None] - R[first] @ palm[first, :, None])[..., 0]
    to_camera = np.swapaxes(R[first], -1, -2)
    hand = (to_camera @ turned[..., None])[..., 0]
    head = (to_camera @ (position[last] - position[first])[..., None])[..., 0]
    return hand, head, 1.0 / float(np.mean(last - first))
