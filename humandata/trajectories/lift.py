"""From pixels to metres: each hand that was seen becomes 21 points in the camera frame, with their uncertainty.

A detector of a single image guesses a hand's size anew in each, and its guess changes by up to two times as the hand
is foreshortened. The depth of a hand is read off its size, so it would jump just as much. Hence all sightings of a hand
are explained together, by one set of bones that changes no more than a person's do, in poses that its joints allow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pydantic import Field, PositiveFloat

from humandata.arrays import FloatArray, IntArray
from humandata.embodiments.human_hands import palm_frame
from humandata.geometry.cameras import Camera
from humandata.geometry.rotations import turn_z_towards
from humandata.schemas.documents import Document
from humandata.schemas.landmarks import HAND_BONES, Side
from humandata.trajectories.associate import HandObservations
from humandata.trajectories.hand_evidence import Evidence, concatenate
from humandata.trajectories.hand_fit import HandFit, fit_hand
from humandata.trajectories.hand_priors import Motion

_PARENT = np.array([int(parent) for parent, _ in HAND_BONES])
_CHILD = np.array([int(child) for _, child in HAND_BONES])

_RAY_SIGMA = 0.12
"""Error of a landmark over the hand's size in the image. MediaPipe's is 0.06 to 0.08 on the studio's hands, but changes
slowly (two thirds of it are there in the next frame, a fifth after four), so that three or four frames say no more than
one, and it counts for twice as much."""
_SLOPE_SIGMA = 6.0
"""Of how much a bone points away from the camera, as MediaPipe guesses it: it is trusted to break ties only."""
_JUDGED_SLOPE_SIGMA = 0.3
"""The same from an estimator of meshes: HaMeR's root-relative error is 6 mm (FreiHAND), a fifth of a short bone."""
_JUDGED_DEPTH_SIGMA_M = 0.04 * 21**0.5
"""Its depth is good to about 4 cm when the focal length is right, for all landmarks of a hand together
(https://github.com/geopavlakos/hamer/issues/60)."""
_MEASURED_DEPTH_SIGMA_M = 0.015
"""A depth camera's noise at arm's length and what varies between skin and joint."""
_EDGE_ON = 2.0
"""By how much more sigma grows for a palm that is seen from its edge, than for one seen face on: how far a hand is
away is read off its breadth, which there is mostly a guess. On the studio's hands MediaPipe's are then 0.55 to 0.7 of
the true ones, and errors over the fit's sigma are 2.6 times those seen face on."""
_BETWEEN_HANDS_S = 1e6
"""From the last frame of one hand to the first of the other, to the fit: nothing carries over but the shape."""


class LiftSettings(Document):
    """The recipe's section `lift`."""

    hand_length_m: PositiveFloat = Field(
        default=0.187,
        description="wrist to middle fingertip: midway between the means of women, 0.181, and men, 0.193 "
        "(Gordon et al., 2012 Anthropometric Survey of U.S. Army Personnel, NATICK/TR-15/007)",
    )
    hand_length_sd: PositiveFloat = Field(
        default=0.06, description="of its logarithm: 0.0115 m over both sexes of the same survey"
    )
    max_reprojection_fraction: PositiveFloat = Field(
        default=0.15, description="root mean square reprojection error over the hand's size in the image, at most"
    )
    max_depth_m: PositiveFloat = Field(default=10.0, description="further away, a hand is a few pixels of noise")
    sigma_factor: PositiveFloat = Field(
        default=0.85,
        description="by which the fit's own standard deviations of position across the view are multiplied, for a palm "
        "seen face on: chosen so that about 68 % of the studio's errors lie within one",
    )
    depth_sigma_factor: PositiveFloat = Field(
        default=1.3,
        description="the same along the view, more than across it: the errors of a frame's landmarks go together and "
        "shrink or swell the hand, which the fit does not know",
    )


@dataclass(frozen=True)
class LiftedHand:
    """One hand over N frames; NaN where it was not seen or could not be lifted."""

    landmarks_camera: FloatArray
    """(N, 21, 3) metres."""
    wrist_sigma_m: FloatArray
    """(N, 3) standard deviation of the wrist's position along the camera's axes."""
    reprojection_px: FloatArray
    """(N,) root mean square over the landmarks; also where the fit was given up."""


def lift(
    timestamp_ns: IntArray,
    observations: Mapping[Side, HandObservations],
    camera: Camera,
    settings: LiftSettings,
) -> dict[Side, LiftedHand]:
    """Lift the hands of one person over N frames, seen by `camera` at timestamp_ns (N,).

    Both hands of a person are alike, so that one shape is fitted to what was seen of either.
    """
    lifted = {side: _nothing(len(timestamp_ns)) for side in observations}
    parts = [_part(timestamp_ns, hand, camera, side, settings) for side, hand in observations.items()]
    parts = [part for part in parts if len(part.frames)]
    if not parts:
        return lifted
    # To the fit the hands are one hand, seen first here and then there, with all the time in between to move.
    fit = fit_hand(
        concatenate([part.evidence for part in parts], gap_s=_BETWEEN_HANDS_S),
        np.concatenate([part.R_camera_hand for part in parts]),
        np.concatenate([part.position for part in parts]),
        settings.hand_length_m,
        settings.hand_length_sd,
        Motion(),
    )
    start = 0
    for part in parts:
        stop = start + len(part.frames)
        lifted[part.side] = _place(part, fit.take(slice(start, stop)), observations[part.side], camera, settings)
        start = stop
    return lifted


@dataclass(frozen=True)
class _Part:
    """What is given to the fit of one hand: M of the N frames, and a first guess in each."""

    side: Side
    frames: IntArray
    """(M,) indices into N."""
    evidence: Evidence
    R_camera_hand: FloatArray
    """(M, 3, 3)."""
    position: FloatArray
    """(M, 3)."""


def _part(
    timestamp_ns: IntArray,
    observations: HandObservations,
    camera: Camera,
    side: Side,
    settings: LiftSettings,
) -> _Part:
    rays = camera.unproject(observations.landmarks_px, np.ones(observations.landmarks_px.shape[:2]))
    seen = np.flatnonzero(observations.seen & np.isfinite(rays).all(axis=(1, 2)))
    rays = rays[seen] * _mirror(side)
    shapes = _towards_camera(observations.landmarks_hand[seen] * _mirror(side), rays)
    return _Part(
        side=side,
        frames=seen,
        evidence=_gather(timestamp_ns[seen] / 1e9, rays, shapes, observations, seen),
        R_camera_hand=palm_frame(shapes, "right")[:, :3, :3],
        position=_position(shapes, rays, settings.hand_length_m),
    )


def _mirror(side: Side) -> FloatArray:
    """(3,) factors that make a right hand of this one, and back."""
    return np.array([1.0 if side == "right" else -1.0, 1.0, 1.0])


def _nothing(num_frames: int) -> LiftedHand:
    return LiftedHand(
        landmarks_camera=np.full((num_frames, 21, 3), np.nan),
        wrist_sigma_m=np.full((num_frames, 3), np.nan),
        reprojection_px=np.full(num_frames, np.nan),
    )


def _place(
    part: _Part, fit: HandFit, observations: HandObservations, camera: Camera, settings: LiftSettings
) -> LiftedHand:
    """The fit of M frames among all N; where it does not explain the picture it is given up."""
    lifted = _nothing(len(observations.confidence))
    points = fit.landmarks * _mirror(part.side)
    pixels = observations.landmarks_px[part.frames]
    error = np.sqrt(np.mean(np.sum((camera.project(points) - pixels) ** 2, axis=-1), axis=-1))
    size = np.linalg.norm(np.ptp(pixels, axis=1), axis=-1)
    good = (points[..., 2] > 0).all(axis=1) & (points[..., 2].mean(axis=1) <= settings.max_depth_m)
    good &= error <= settings.max_reprojection_fraction * size
    lifted.landmarks_camera[part.frames[good]] = points[good]
    factors = np.ones(3) if np.isfinite(part.evidence.depth_m).any() else _sigma_factors(points, part.side, settings)
    sigma = factors * np.sqrt(np.diagonal(fit.wrist_covariance, axis1=1, axis2=2))
    lifted.wrist_sigma_m[part.frames[good]] = sigma[good]
    lifted.reprojection_px[part.frames] = error
    return lifted


def _sigma_factors(points: FloatArray, side: Side, settings: LiftSettings) -> FloatArray:
    """(M, 3) of the camera's axes, for hands of landmarks (M, 21, 3) in the camera frame."""
    T_camera_palm = palm_frame(points, side)
    ray = T_camera_palm[:, :3, 3] / np.linalg.norm(T_camera_palm[:, :3, 3], axis=1, keepdims=True)
    facing = np.abs(np.sum(ray * T_camera_palm[:, :3, 0], axis=1))
    face_on = np.array([settings.sigma_factor, settings.sigma_factor, settings.depth_sigma_factor])
    return np.asarray((1.0 + _EDGE_ON * (1.0 - facing) ** 2)[:, None] * face_on)


def _gather(
    seconds: FloatArray, rays: FloatArray, shapes: FloatArray, observations: HandObservations, seen: IntArray
) -> Evidence:
    """What speaks for the pose: rays and shapes (M, 21, 3) of a right hand, and depths where there are any."""
    judged = observations.landmarks_camera[seen]
    depth, depth_sigma = observations.landmarks_depth_m[seen], _MEASURED_DEPTH_SIGMA_M
    slope_sigma = _SLOPE_SIGMA
    if np.isfinite(judged).any():
        shapes = np.where(np.isfinite(judged), judged, shapes)
        slope_sigma = _JUDGED_SLOPE_SIGMA
        if not np.isfinite(depth).any():
            depth, depth_sigma = judged[..., 2], _JUDGED_DEPTH_SIGMA_M
    bones = shapes[:, _CHILD] - shapes[:, _PARENT]
    return Evidence(
        seconds=seconds,
        rays=rays[..., :2].T,
        rays_sigma=_RAY_SIGMA * np.linalg.norm(np.ptp(rays[..., :2], axis=1), axis=-1),
        bone_slopes=(bones[..., 2] / np.maximum(np.linalg.norm(bones, axis=-1), 1e-9)).T,
        bone_slope_sigma=np.full(len(seen), slope_sigma),
        depth_m=depth.T,
        depth_sigma_m=np.full(len(seen), depth_sigma),
    )


def _towards_camera(landmarks_hand: FloatArray, rays: FloatArray) -> FloatArray:
    """Landmarks (M, 21, 3) turned from the axes of the crop that was looked at, along its own ray, to the camera's."""
    turn = turn_z_towards(rays.mean(axis=1))
    return np.asarray(landmarks_hand @ np.swapaxes(turn, 1, 2))


def _position(shapes: FloatArray, rays: FloatArray, hand_length_m: float) -> FloatArray:
    """A first guess of the wrist's position (M, 3): where a hand of that length looks as large as this one."""
    along_middle = shapes[:, [0, 9, 10, 11, 12]]
    length = np.linalg.norm(np.diff(along_middle, axis=1), axis=-1).sum(axis=1)
    shapes = shapes * (hand_length_m / np.maximum(length, 1e-6))[:, None, None]
    centred = shapes - shapes.mean(axis=1, keepdims=True)
    spread = np.linalg.norm((rays - rays.mean(axis=1, keepdims=True))[..., :2], axis=(1, 2))
    depth = np.linalg.norm(centred[..., :2], axis=(1, 2)) / np.maximum(spread, 1e-9)
    return np.asarray(rays.mean(axis=1) * depth[:, None] + centred[:, 0])
