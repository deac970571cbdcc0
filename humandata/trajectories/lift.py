"""From pixels to metres: each seen hand becomes 21 points in the camera frame.

A detector of a single image cannot know how large a hand is, and its guess of the 3D landmarks changes size by up to
two times as the hand is foreshortened. The depth of the hand is read off its size, so it would jump just as much.
Hence every hand gets the bones of an average adult, in the directions that the detector guesses, before the pose is
solved for. Size is thereby assumed, and the same in all frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PositiveFloat

from humandata.geometry.cameras import Camera
from humandata.geometry.rotations import matrix_from_rotvec
from humandata.schemas.documents import Document
from humandata.schemas.landmarks import HAND_BONES
from humandata.trajectories.associate import HandObservations

FloatArray = NDArray[np.float64]

_PARENT = np.array([int(parent) for parent, _ in HAND_BONES])
_CHILD = np.array([int(child) for _, child in HAND_BONES])
_BONE_PER_HAND_LENGTH = np.array(
    [
        *(0.118, 0.251, 0.196, 0.158),
        *(0.463, 0.245, 0.143, 0.097),
        *(0.446, 0.266, 0.170, 0.108),
        *(0.421, 0.244, 0.165, 0.107),
        *(0.414, 0.204, 0.117, 0.093),
    ]
)
"""Length of each of `HAND_BONES` over the hand's: joint centres of cadaver hands, as a share of the length from the
wrist crease to the middle fingertip (Buchholz, Armstrong and Goldstein, "Anthropometric data for describing the
kinematics of the human hand", Ergonomics 35(3), 1992)."""


class LiftSettings(Document):
    """The recipe's section `lift`."""

    hand_length_m: PositiveFloat = Field(
        default=0.187,
        description="wrist to middle fingertip: midway between the means of women, 0.181, and men, 0.193 "
        "(Gordon et al., 2012 Anthropometric Survey of U.S. Army Personnel, NATICK/TR-15/007)",
    )
    max_reprojection_fraction: PositiveFloat = Field(
        default=0.15, description="root mean square reprojection error over the hand's size in the image, at most"
    )
    max_depth_m: PositiveFloat = Field(default=10.0, description="further away, a hand is a few pixels of noise")


@dataclass(frozen=True)
class LiftedHand:
    """One hand over N frames; NaN where it was not seen or could not be lifted."""

    landmarks_camera: FloatArray
    """(N, 21, 3) metres."""
    reprojection_px: FloatArray
    """(N,) root mean square distance between the landmarks seen and the lifted ones, projected."""


def lift(observations: HandObservations, camera: Camera, settings: LiftSettings) -> LiftedHand:
    """Metric landmarks in the camera frame of one hand over N frames, given the camera of the image looked at.

    The bones get constant lengths (`constant_size`); the rigid pose of that shape is then the one that
    reprojects best (Levenberg-Marquardt from a weak-perspective start that keeps the detector's orientation, so that a
    flat hand does not flip). A frame is given up where a point ends up behind the camera, too far, or the reprojection
    error is too large a share of the hand's size.
    """
    num_frames = len(observations.confidence)
    landmarks = np.full((num_frames, 21, 3), np.nan)
    reprojection = np.full(num_frames, np.nan)
    seen = np.flatnonzero(observations.seen)
    if len(seen) == 0:
        return LiftedHand(landmarks, reprojection)
    shapes = constant_size(observations.landmarks_hand[seen], settings.hand_length_m)
    for index, shape in zip(seen, shapes, strict=True):
        pixels = observations.landmarks_px[index]
        points = _solve(shape, pixels, camera)
        if not (points[:, 2] > 0).all() or points[:, 2].mean() > settings.max_depth_m:
            continue
        error = float(np.sqrt(np.mean(np.sum((camera.project(points) - pixels) ** 2, axis=-1))))
        reprojection[index] = error
        if error <= settings.max_reprojection_fraction * float(np.linalg.norm(np.ptp(pixels, axis=0))):
            landmarks[index] = points
    return LiftedHand(landmarks, reprojection)


def constant_size(landmarks_hand: FloatArray, hand_length_m: float) -> FloatArray:
    """Landmarks (N, 21, 3) with the bone directions of `landmarks_hand` (N, 21, 3), and lengths that never change.

    The wrist is at the origin; the lengths are an adult's, for a hand that measures `hand_length_m` from the wrist to
    the tip of the middle finger.
    """
    bones = landmarks_hand[:, _CHILD] - landmarks_hand[:, _PARENT]
    directions = bones / np.maximum(np.linalg.norm(bones, axis=-1, keepdims=True), 1e-9)
    scaled = directions * (_BONE_PER_HAND_LENGTH * hand_length_m)[:, None]
    points = np.zeros_like(landmarks_hand)
    for bone, (parent, child) in enumerate(zip(_PARENT, _CHILD, strict=True)):
        points[:, child] = points[:, parent] + scaled[:, bone]
    return points


def _solve(shape: FloatArray, pixels: FloatArray, camera: Camera) -> FloatArray:
    """Points (21, 3) in the camera frame: the rigid motion of `shape` that best projects to `pixels` (21, 2)."""
    import cv2

    ray = camera.unproject(pixels.mean(axis=0), np.array(1.0))
    R_start = _turn_towards(ray)
    turned = (shape - shape.mean(axis=0)) @ R_start.T
    spread_px = np.linalg.norm(pixels - pixels.mean(axis=0))
    spread_m = np.linalg.norm(turned[:, :2] * [camera.fx, camera.fy])
    position = ray * (spread_m / max(float(spread_px), 1e-6)) - R_start @ shape.mean(axis=0)
    _, rotvec, translation = cv2.solvePnP(
        shape,
        np.ascontiguousarray(pixels),
        camera.K,
        None,
        cv2.Rodrigues(R_start)[0],
        position[:, None].copy(),
        useExtrinsicGuess=True,
        flags=cv2.SOLVEPNP_ITERATIVE,
    )
    R = matrix_from_rotvec(np.asarray(rotvec, dtype=np.float64)[:, 0])
    return np.asarray(shape @ R.T + np.asarray(translation)[:, 0])


def _turn_towards(ray: FloatArray) -> FloatArray:
    """The smallest rotation (3, 3) that takes the optical axis to `ray`: how a crop off centre sees the hand."""
    direction = ray / np.linalg.norm(ray)
    axis = np.cross([0.0, 0.0, 1.0], direction)
    sine = float(np.linalg.norm(axis))
    return matrix_from_rotvec(axis / max(sine, 1e-12) * np.arctan2(sine, direction[2]))
