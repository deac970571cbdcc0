"""The background's points from a path that is known: for its scale, where that is not."""

from __future__ import annotations

import numpy as np

from humandata.arrays import FloatArray
from humandata.camera_motion.sfm import Reconstruction, pinhole, reprojection_px
from humandata.camera_motion.tracks import follow_background
from humandata.camera_motion.view import View

_MIN_ANGLE_RAD = np.radians(1.5)
_MAX_ERROR_PX = 3.0


def reconstruct_from_poses(view: View, T_world_camera: FloatArray) -> Reconstruction:
    """Points of the background followed through M pictures whose poses (M, 4, 4) are known, NaN where they are not."""
    camera = pinhole(view.camera)
    tracks = follow_background(view).undistorted(view.camera)
    placed = np.isfinite(T_world_camera[:, 0, 0])
    points = np.full((tracks.pixels.shape[1], 3), np.nan)
    rays = camera.unproject(tracks.pixels, np.ones(tracks.pixels.shape[:2]))
    rays = np.einsum("mij,mpj->mpi", T_world_camera[:, :3, :3], rays / np.linalg.norm(rays, axis=-1, keepdims=True))
    for index in range(len(points)):
        seen = placed & np.isfinite(rays[:, index, 0])
        if seen.sum() >= 3:
            points[index] = _nearest_point(T_world_camera[seen, :3, 3], rays[seen, index])
    errors = reprojection_px(T_world_camera, points, tracks, camera)
    points[~(np.nanmax(np.where(np.isfinite(errors), errors, -1.0), axis=0) <= _MAX_ERROR_PX)] = np.nan
    kept = errors[:, np.isfinite(points[:, 0])]
    rms = float(np.sqrt(np.nanmean(kept**2))) if np.isfinite(kept).any() else float("nan")
    return Reconstruction(T_world_camera, points, tracks.pixels, camera, rms)


def _nearest_point(origins: FloatArray, directions: FloatArray) -> FloatArray:
    """The point (3,) nearest to K rays of unit directions (K, 3) from origins (K, 3); NaN where they are parallel."""
    if np.arccos(np.clip((directions @ directions[0]).min(), -1.0, 1.0)) < _MIN_ANGLE_RAD:
        return np.full(3, np.nan)
    across = np.eye(3) - directions[:, :, None] * directions[:, None]
    return np.asarray(np.linalg.solve(across.sum(axis=0), (across @ origins[..., None]).sum(axis=0))[:, 0])
