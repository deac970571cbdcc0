"""What a network says of the crop of one hand, and what that means in the image and in the camera frame.

The network sees a crop and nothing else, so it cannot know where in the image the crop lies. Its 3D landmarks are those
of a hand straight ahead, and its 2D landmarks say where in the crop they are seen. Two things follow:

- What it calls "ahead" is the viewing ray through the crop's centre. Its axes are turned from the optical axis to that
  ray (Li et al., "CLIFF: Carrying Location Information in Full Frames", ECCV 2022, shows what happens otherwise).
- The distance is what makes the 3D landmarks project onto the 2D ones. HaMeR's own formula, `tz = 2 f / (s b)` with the
  crop's scale s and side b, is this for a hand that is small beside its distance, f alike in x and y, no lens
  distortion and a principal point in the middle of the image. Here the translation is solved for on the rays of the
  camera itself, which needs none of these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from humandata.arrays import FloatArray
from humandata.geometry.cameras import Camera
from humandata.geometry.rotations import rotvec_from_matrix, turn_z_towards
from humandata.hands.crops import Crop
from humandata.hands.estimator import HandDetection, ManoHand
from humandata.schemas.landmarks import Side

_REFLECT_X = np.array([-1.0, 1.0, 1.0])
_MIN_SEEN = 5
"""Landmarks that a hand is placed by, at least; two would do in theory."""


@dataclass(frozen=True)
class Reconstruction:
    """A right hand as a network sees it in a crop, mirrored or not; axes right, down, forward as in the crop."""

    landmarks_crop: FloatArray
    """(21, 2) in the crop's unit, see `Crop`."""
    landmarks_m: FloatArray
    """(21, 3) metres, up to a translation."""
    global_orient: FloatArray
    """(3, 3) rotation of the MANO hand as a whole."""
    hand_pose: FloatArray
    """(15, 3, 3) rotation of each MANO joint in its parent."""
    betas: FloatArray
    """(10,) MANO shape."""


def to_detection(
    reconstruction: Reconstruction, crop: Crop, side: Side, score: float, camera: Camera | None
) -> HandDetection:
    """The hand of a crop as an estimator reports it.

    Landmarks and MANO hand are turned into the axes of the camera; without a camera they keep those of the crop, and
    `landmarks_camera` is None, as it is where the hand would end up behind the camera.
    """
    signs = _REFLECT_X if crop.mirrored else np.ones(3)
    landmarks_hand = reconstruction.landmarks_m * signs
    landmarks_px = crop.to_image(reconstruction.landmarks_crop)
    landmarks_camera, R_camera_crop = None, np.eye(3)
    if camera is not None:
        R_camera_crop = turn_z_towards(camera.unproject(crop.center_px, np.array(1.0)))
        landmarks_camera = _place(landmarks_hand @ R_camera_crop.T, landmarks_px, camera)
    return HandDetection(
        side=side,
        score=score,
        landmarks_px=landmarks_px,
        landmarks_hand=landmarks_hand - landmarks_hand.mean(axis=0),
        landmarks_camera=landmarks_camera,
        mano=ManoHand(
            global_orient=rotvec_from_matrix(R_camera_crop @ _reflected(reconstruction.global_orient, signs)),
            hand_pose=rotvec_from_matrix(_reflected(reconstruction.hand_pose, signs)),
            betas=reconstruction.betas,
        ),
    )


def _reflected(R: FloatArray, signs: FloatArray) -> FloatArray:
    """The rotations (..., 3, 3) of the mirror image: for x alone, y and z of the axis-angle vectors change sign."""
    return R * signs[:, None] * signs


def _place(points: FloatArray, points_px: FloatArray, camera: Camera) -> FloatArray | None:
    """Points (21, 3) moved to where they are seen at `points_px` (21, 2); None if that is not in front of the camera.

    With the ray (x, y, 1) of a pixel, a point p + t lies on it where (p + t)_x - x (p + t)_z = 0, and alike in y. That
    is linear in t, and solved for all points at once by least squares.
    """
    rays = camera.unproject(points_px, np.ones(len(points_px)))[:, :2]
    left = np.concatenate([np.broadcast_to(np.eye(2), (len(rays), 2, 2)), -rays[:, :, None]], axis=-1)
    right = rays * points[:, 2:] - points[:, :2]
    seen = np.isfinite(right).all(axis=-1)  # a lens has no ray for what lies outside its field
    if seen.sum() < _MIN_SEEN:
        return None
    translation = np.linalg.lstsq(left[seen].reshape(-1, 3), right[seen].ravel(), rcond=None)[0]
    placed = np.asarray(points + translation)
    return placed if (placed[:, 2] > 0).all() else None
