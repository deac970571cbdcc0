"""Structure from motion: the camera's path, up to scale, from points of the background followed through the video.

COLMAP's incremental mapper (Schönberger and Frahm, "Structure-from-Motion Revisited", CVPR 2016) by way of pycolmap,
over keyframes. It is given followed points instead of descriptors matched anew, which is faster, finds more in plain
surroundings, and needs only neighbouring pictures. The pictures between the keyframes are then placed among the points.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from humandata.arrays import BoolArray, Float32Array, FloatArray, IntArray
from humandata.camera_motion.pycolmap_package import import_pycolmap
from humandata.camera_motion.tracks import PointTracks, follow_background
from humandata.camera_motion.view import View
from humandata.geometry.cameras import Camera
from humandata.geometry.transforms import apply, invert

_KEYFRAME_SHIFT = 0.01
"""Share of the picture's width that the background moves from one keyframe to the next, at least."""
_KEYFRAME_GAP_NS = 190_000_000
_KEYFRAME_FAR = 0.05
"""A background that moved this far needs another keyframe at once."""
_SPAN = 12
"""Keyframes that one is compared with: points that are followed for longer link further ones through these."""
_MIN_COMMON = 30
"""Points that two keyframes must share: twice what the mapper wants to place a picture."""
_MIN_PLACED = 15
_MAX_ERROR_PX = 2.0
"""An observation further from its point is an outlier, and is not used."""


@dataclass(frozen=True)
class Reconstruction:
    """The camera over M pictures in a world of unknown scale, and the background in it."""

    T_sfm_camera: FloatArray
    """(M, 4, 4); NaN where the picture could not be placed."""
    points: FloatArray
    """(P, 3) of the followed points; NaN where a point was not reconstructed."""
    pixels: Float32Array
    """(M, P, 2) where they are seen, once the lens is undistorted; NaN where they are not."""
    camera: Camera
    """Of those pixels: without distortion."""
    reprojection_px: float
    """Root mean square over the observations of points by pictures that were placed, without outliers."""

    @property
    def placed(self) -> BoolArray:
        """(M,)."""
        return np.asarray(np.isfinite(self.T_sfm_camera[:, 0, 0]))


def reconstruct(view: View) -> Reconstruction | None:
    """The largest connected part of the path; None where nothing can be reconstructed, as when the camera only turns.

    Raises MissingDependencyError without pycolmap.
    """
    import_pycolmap()
    camera = pinhole(view.camera)
    tracks = follow_background(view).undistorted(view.camera)
    keyframes = choose_keyframes(view, tracks)
    if len(keyframes) < 3:
        return None
    with tempfile.TemporaryDirectory(prefix="humandata-") as folder:
        mapped = _map(Path(folder), tracks, keyframes, camera)
    if mapped is None:
        return None
    T_sfm_camera, points = mapped
    for number in np.flatnonzero(np.isnan(T_sfm_camera[:, 0, 0])).tolist():
        T_sfm_camera[number] = _place(tracks, number, points, camera)
    errors = reprojection_px(T_sfm_camera, points, tracks, camera)
    used = errors[errors <= _MAX_ERROR_PX]
    rms = float(np.sqrt(np.mean(used**2))) if len(used) else float("nan")
    return Reconstruction(T_sfm_camera, points, tracks.pixels, camera, rms)


def pinhole(camera: Camera) -> Camera:
    """The same camera without a distortion, which has been undone."""
    return replace(camera, distortion=None)


def reprojection_px(T_sfm_camera: FloatArray, points: FloatArray, tracks: PointTracks, camera: Camera) -> FloatArray:
    """Distance (M, P) in pixels of every observation from its point; NaN where either is missing."""
    errors = np.full(tracks.pixels.shape[:2], np.nan)
    for number in np.flatnonzero(np.isfinite(T_sfm_camera[:, 0, 0])).tolist():
        projected = camera.project(apply(invert(T_sfm_camera[number]), points))
        errors[number] = np.linalg.norm(projected - tracks.pixels[number], axis=-1)
    return errors


def choose_keyframes(view: View, tracks: PointTracks) -> list[int]:
    """Numbers of the pictures that are far enough apart, in the picture and in time, to measure depth between them."""
    width = view.camera.width
    keyframes = [0] if len(view) else []
    for number in range(1, len(view)):
        last = keyframes[-1]
        shared = tracks.seen(last) & tracks.seen(number)
        moved = np.linalg.norm(tracks.pixels[number, shared] - tracks.pixels[last, shared], axis=-1)
        shift = float(np.median(moved)) / width if shared.sum() >= _MIN_COMMON else np.inf
        waited = view.timestamp_ns[number] - view.timestamp_ns[last] >= _KEYFRAME_GAP_NS
        if shift >= _KEYFRAME_FAR or (waited and shift >= _KEYFRAME_SHIFT):
            keyframes.append(number)
    return keyframes


def _map(
    folder: Path, tracks: PointTracks, keyframes: list[int], camera: Camera
) -> tuple[FloatArray, FloatArray] | None:
    """T_sfm_camera (M, 4, 4) at the keyframes that COLMAP placed, and the points (P, 3)."""
    pycolmap = import_pycolmap()
    seen = {number: np.flatnonzero(tracks.seen(number)) for number in keyframes}
    _write_database(folder / "database.db", tracks, keyframes, seen, camera)
    models = pycolmap.incremental_mapping(folder / "database.db", folder, folder, _mapper_options())
    if not models:
        return None
    model = max(models.values(), key=lambda model: (model.num_reg_images(), model.num_points3D()))
    if model.num_reg_images() < 3 or model.num_points3D() < _MIN_COMMON:
        return None
    T_sfm_camera = np.full((len(tracks.pixels), 4, 4), np.nan)
    points = np.full((tracks.pixels.shape[1], 3), np.nan)
    for image_id in model.reg_image_ids():
        image = model.images[image_id]
        number = int(image.name)
        T_sfm_camera[number] = np.eye(4)
        T_sfm_camera[number, :3] = image.cam_from_world().inverse().matrix()
        for index, point in zip(seen[number], image.points2D, strict=True):
            if point.has_point3D():
                points[index] = model.points3D[point.point3D_id].xyz
    return T_sfm_camera, points


def _write_database(
    path: Path, tracks: PointTracks, keyframes: list[int], seen: dict[int, IntArray], camera: Camera
) -> None:
    """What COLMAP starts from: one camera, the keyframes, their points, and which are the same from one to another."""
    pycolmap = import_pycolmap()
    with pycolmap.Database.open(path) as database:
        lens = _colmap_camera(camera)
        lens.camera_id = database.write_camera(lens)
        rig = pycolmap.Rig()
        rig.add_ref_sensor(lens.sensor_id)
        rig_id = database.write_rig(rig)
        points = {number: _colmap_pixels(tracks.pixels[number, seen[number]]) for number in keyframes}
        image_ids = {}
        for number in keyframes:
            image = pycolmap.Image(name=f"{number}", camera_id=lens.camera_id)
            image.image_id = image_ids[number] = database.write_image(image)
            frame = pycolmap.Frame()
            frame.rig_id = rig_id
            frame.add_data_id(image.data_id)
            database.write_frame(frame)
            database.write_keypoints(image.image_id, points[number].astype(np.float32))
        options = pycolmap.TwoViewGeometryOptions()
        options.ransac.random_seed = 0
        for position, first in enumerate(keyframes):
            for second in keyframes[position + 1 : position + 1 + _SPAN]:
                _, in_first, in_second = np.intersect1d(seen[first], seen[second], return_indices=True)
                if len(in_first) < _MIN_COMMON:
                    break
                matches = np.stack([in_first, in_second], axis=1).astype(np.uint32)
                geometry = pycolmap.estimate_calibrated_two_view_geometry(
                    lens, points[first], lens, points[second], matches, options
                )
                database.write_matches(image_ids[first], image_ids[second], matches)
                database.write_two_view_geometry(image_ids[first], image_ids[second], geometry)


def _mapper_options() -> Any:
    """COLMAP's defaults, but for a known lens, the small parallax of a head, one thread and one seed."""
    options = import_pycolmap().IncrementalPipelineOptions()
    options.ba_refine_focal_length = False
    options.ba_refine_principal_point = False
    options.ba_refine_extra_params = False
    options.extract_colors = False
    options.min_model_size = 3
    options.num_threads = 1
    options.random_seed = 0
    options.mapper.init_min_tri_angle = 4.0
    options.mapper.init_min_num_inliers = 50
    options.mapper.abs_pose_min_num_inliers = _MIN_PLACED
    options.mapper.filter_max_reproj_error = _MAX_ERROR_PX
    options.mapper.filter_min_tri_angle = 0.7
    options.triangulation.min_angle = 0.7
    return options


def _place(tracks: PointTracks, number: int, points: FloatArray, camera: Camera) -> FloatArray:
    """T_sfm_camera (4, 4) of one picture among the points; NaN where too few of them are seen."""
    pycolmap = import_pycolmap()
    usable = tracks.seen(number) & np.isfinite(points[:, 0])
    missing = np.full((4, 4), np.nan)
    if usable.sum() < _MIN_PLACED:
        return missing
    options = pycolmap.AbsolutePoseEstimationOptions()
    options.ransac.max_error = _MAX_ERROR_PX
    options.ransac.random_seed = 0
    found = pycolmap.estimate_and_refine_absolute_pose(
        _colmap_pixels(tracks.pixels[number, usable]), points[usable], _colmap_camera(camera), options
    )
    if found is None or found["num_inliers"] < _MIN_PLACED:
        return missing
    T_camera_sfm = np.eye(4)
    T_camera_sfm[:3] = found["cam_from_world"].matrix()
    return np.asarray(invert(T_camera_sfm))


def _colmap_camera(camera: Camera) -> Any:
    """COLMAP's pixel (0, 0) is the corner of the top-left pixel, not its centre."""
    params = [camera.fx, camera.fy, camera.cx + 0.5, camera.cy + 0.5]
    lens = import_pycolmap().Camera(model="PINHOLE", width=camera.width, height=camera.height, params=params)
    lens.has_prior_focal_length = True
    return lens


def _colmap_pixels(pixels: Float32Array) -> FloatArray:
    return np.ascontiguousarray(pixels, dtype=np.float64) + 0.5
