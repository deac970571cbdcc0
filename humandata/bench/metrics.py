"""The errors of what was reported, and the figures they are summed up in.

`clip_errors` gives samples by name, one-dimensional arrays that are concatenated over clips; `summarise` gives figures.
Only hands that are visible count. A report on a hand that is hidden or half out of the picture is neither right nor
wrong. Errors of pose are those of reports on the true hand of their own side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from humandata.arrays import FloatArray
from humandata.bench.estimates import HandEstimate, Hands
from humandata.bench.matching import Matches, box_size, match
from humandata.embodiments.human_hands import aperture_m, palm_frame
from humandata.geometry.rotations import angle_between
from humandata.geometry.transforms import invert
from humandata.schemas.landmarks import SIDES, HandLandmark, Side
from humandata.studio.truth import HandTruth, Truth
from humandata.trajectories.jerk import jerk_m_s3

PCK_SHARE = 0.05
"""Of the longer side of the true hand's box, as HInt is scored (Pavlakos et al., "Reconstructing Hands in 3D with
Transformers", CVPR 2024; after Yang and Ramanan, "Articulated Human Detection", PAMI 2013)."""
HORIZON_S = 1.0
"""How far ahead relative motion is compared: about what a policy's action chunk spans."""

Samples = dict[str, FloatArray]


def _mean(values: FloatArray) -> float:
    return float(np.mean(values))


def _median(values: FloatArray) -> float:
    return float(np.median(values))


def _total(values: FloatArray) -> float:
    return float(np.sum(values))


def _p90(values: FloatArray) -> float:
    return float(np.percentile(values, 90))


FIGURES: dict[str, tuple[str, Callable[[FloatArray], float]]] = {
    "recall": ("found", _mean),
    "precision": ("real", _mean),
    "side_errors": ("wrong_side", _mean),
    "swapped_arms": ("swapped_arm", _total),
    "pck": ("pck", _mean),
    "root_relative_m": ("root_relative_m", _mean),
    "aligned_m": ("aligned_m", _mean),
    "wrist_m": ("wrist_m", _median),
    "wrist_p90_m": ("wrist_m", _p90),
    "wrist_scaled_m": ("wrist_scaled_m", _median),
    "ee_rotation_rad": ("ee_rotation_rad", _median),
    "aperture_m": ("aperture_m", _median),
    "relative_1s_m": ("relative_1s_m", _median),
    "relative_1s_p90_m": ("relative_1s_m", _p90),
    "own_world_1s_m": ("own_world_1s_m", _median),
    "still_camera_1s_m": ("still_camera_1s_m", _median),
    "jerk_m_s3": ("jerk_m_s3", _median),
    "within_sigma": ("within_sigma", _mean),
    "within_sigma_depth": ("within_sigma_depth", _mean),
}
"""Each figure, the samples it is made of, and how."""


def summarise(samples: Mapping[str, FloatArray]) -> dict[str, float | None]:
    """All figures, in the order of `FIGURES`; None where there is nothing to judge by."""
    summary: dict[str, float | None] = {}
    for figure, (name, reduce) in FIGURES.items():
        values = samples.get(name, np.empty(0))
        values = values[np.isfinite(values)]
        summary[figure] = reduce(values) if len(values) else None
    return summary


def pooled(clips: Sequence[Samples]) -> Samples:
    """The samples of several clips together."""
    names = dict.fromkeys(name for clip in clips for name in clip)
    return {name: np.concatenate([clip[name] for clip in clips if name in clip]) for name in names}


def clip_errors(truth: Truth, hands: Hands) -> Samples:
    """All samples of one clip of T frames."""
    matches = match(truth, hands)
    sides = [_side_errors(truth, side, hands[side], matches) for side in SIDES]
    return {**_detection(truth, matches), **pooled(sides)}


def one_scale(points: FloatArray, exact: FloatArray) -> float:
    """The factor on points (N, 3) that brings them nearest to exact ones (N, 3), by least squares."""
    return float(np.sum(points * exact) / np.sum(points**2))


def aligned(points: FloatArray, exact: FloatArray) -> FloatArray:
    """Points (N, K, 3) moved, turned and scaled onto exact ones (Procrustes, frame by frame; Umeyama, PAMI 1991)."""
    mean, exact_mean = points.mean(axis=1, keepdims=True), exact.mean(axis=1, keepdims=True)
    centred, exact_centred = points - mean, exact - exact_mean
    U, singular, Vt = np.linalg.svd(np.swapaxes(exact_centred, 1, 2) @ centred)
    signs = np.ones_like(singular)
    signs[:, 2] = np.sign(np.linalg.det(U @ Vt))
    R = (U * signs[:, None]) @ Vt
    scale = np.sum(singular * signs, axis=1) / np.sum(centred**2, axis=(1, 2))
    return np.asarray(scale[:, None, None] * centred @ np.swapaxes(R, 1, 2) + exact_mean)


def _detection(truth: Truth, matches: Matches) -> Samples:
    """found per visible hand; real per report; wrong_side per report on a visible hand; swapped_arm per arm."""
    visible = np.stack([truth.hands[side].visible for side in SIDES], axis=1)
    on_hand = matches.true_side >= 0
    on_visible = on_hand & np.take_along_axis(visible, np.maximum(matches.true_side, 0), axis=1)
    judged = matches.reported & (on_visible | ~on_hand)
    wrong = on_visible & (matches.true_side != np.arange(2))
    return {
        "found": matches.found()[visible].astype(float),
        "real": on_visible[judged].astype(float),
        "wrong_side": wrong[on_visible].astype(float),
        "swapped_arm": wrong.any(axis=0)[matches.reported.any(axis=0)].astype(float),
    }


def _side_errors(truth: Truth, side: Side, hand: HandEstimate, matches: Matches) -> Samples:
    true = truth.hands[side]
    own = SIDES.index(side)
    right = true.visible & (matches.true_side[:, own] == own)
    samples = _motion_errors(truth, side, hand)
    if not right.any():
        return samples
    points, exact = hand.landmarks_camera[right], true.landmarks_camera[right]
    distance_px = np.linalg.norm(hand.landmarks_px[right] - true.landmarks_px[right], axis=-1)
    near = distance_px <= PCK_SHARE * box_size(true.landmarks_px[right])[:, None]
    relative = (points - points[:, :1]) - (exact - exact[:, :1])
    wrist, exact_wrist = points[:, HandLandmark.WRIST], exact[:, HandLandmark.WRIST]
    rotation = angle_between(palm_frame(points, side)[:, :3, :3], palm_frame(exact, side)[:, :3, :3])
    scaled = one_scale(wrist, exact_wrist) * wrist - exact_wrist
    sigma = hand.sigma_m[right]
    within = np.where(np.isfinite(sigma), np.abs(wrist - exact_wrist) <= sigma, np.nan)
    return {
        **samples,
        "pck": near.mean(axis=1),
        "root_relative_m": np.linalg.norm(relative, axis=-1).mean(axis=1),
        "aligned_m": np.linalg.norm(aligned(points, exact) - exact, axis=-1).mean(axis=1),
        "wrist_m": np.linalg.norm(wrist - exact_wrist, axis=1),
        "wrist_scaled_m": np.linalg.norm(scaled, axis=1),
        "ee_rotation_rad": rotation,
        "aperture_m": np.abs(aperture_m(points) - true.aperture_m[right]),
        "within_sigma": within.ravel(),
        "within_sigma_depth": within[:, 2],
    }


def _motion_errors(truth: Truth, side: Side, hand: HandEstimate) -> Samples:
    """What a policy would learn from: motion relative to the pose at hand, and how smooth it is.

    relative_1s_m places the reported hands by the true path of the camera, own_world_1s_m by the method's own, and
    still_camera_1s_m takes the camera as still.
    """
    T_camera_ee = palm_frame(hand.landmarks_camera, side)
    T_world_ee = truth.T_world_camera @ T_camera_ee
    now, later = _pairs(truth, truth.hands[side], hand)
    exact = _displacement(truth.hands[side].T_world_ee, now, later)
    by_truth = _displacement(T_world_ee, now, later) - exact
    by_itself = _displacement(hand.T_world_ee, now, later) - exact
    by_camera = _displacement(T_camera_ee, now, later) - exact
    return {
        "relative_1s_m": np.linalg.norm(by_truth, axis=1),
        "own_world_1s_m": np.linalg.norm(by_itself, axis=1),
        "still_camera_1s_m": np.linalg.norm(by_camera, axis=1),
        "jerk_m_s3": jerk_m_s3(truth.timestamp_ns, T_world_ee[:, :3, 3]),
    }


def _pairs(truth: Truth, true: HandTruth, hand: HandEstimate) -> tuple[np.ndarray, np.ndarray]:
    """Frames (M,) and those `HORIZON_S` later, where the hand is visible and reported within one episode at both."""
    half_frame_ns = int(np.diff(truth.timestamp_ns).mean() / 2)
    wanted = truth.timestamp_ns + int(HORIZON_S * 1e9)
    later = np.searchsorted(truth.timestamp_ns, wanted - half_frame_ns)
    now = np.flatnonzero(later < len(wanted))
    later = later[now]
    known = np.isfinite(hand.landmarks_camera).all(axis=(1, 2)) & true.visible
    good = known[now] & known[later] & (hand.episode[now] == hand.episode[later])
    return now[good], later[good]


def _displacement(T_world_ee: FloatArray, now: np.ndarray, later: np.ndarray) -> FloatArray:
    """Position (M, 3) of the end effector later, in its frame now."""
    return np.asarray((invert(T_world_ee[now]) @ T_world_ee[later])[:, :3, 3])
