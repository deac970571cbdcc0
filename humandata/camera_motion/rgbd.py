"""Odometry over depth maps: from picture to picture, by colour and depth, with Open3D; the hands are left out.

Steinbrücker, Sturm and Cremers, "Real-time visual odometry from dense RGB-D images", ICCV Workshops 2011, in the hybrid
form of Park, Zhou and Koltun, "Colored Point Cloud Registration Revisited", ICCV 2017.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from humandata.arrays import Float32Array, FloatArray
from humandata.camera_motion.view import View
from humandata.geometry.cameras import Camera

DepthAt = Callable[[int], Float32Array | None]
"""The depth (H, W) in metres at a time in ns, of any size of the picture's shape, NaN in holes; None: no map."""

RgbdImage = Any
"""open3d.t.geometry.RGBDImage, which has no types."""

_WIDTH_PX = 320
"""Odometry is done at this width, at most: a quarter of the work of twice the width."""
_NEAR_M, _FAR_M = 0.2, 6.0
"""What is nearer is the wearer; further away depth cameras measure noise."""
_MIN_FILLED = 0.1
"""Share of the picture that must be background with a depth."""
_ITERATIONS = (20, 10, 5)
"""At a quarter, a half and all of that width."""
_LOSS = (0.03, 0.01, 0.02)
"""Depths that differ by more than 3 cm are of different things; from 1 cm, or 2 % of brightness, on, errors count
linearly. On the studio's clips a sixth of the error of Open3D's defaults, which are for rooms."""
_MIN_NEIGHBOURS = 2
"""Of the eight around a pixel without a depth: where as many have one, and agree, it has theirs. Odometry needs whole
neighbourhoods: with a fifth of the pixels missing here and there, it matches none."""
_MIN_FITNESS = 0.3
"""Share of matched pixels below which two pictures do not show the same place."""
_KEEP_FITNESS = 0.6
"""The same, below which another keyframe is due."""


@dataclass(frozen=True)
class Odometry:
    """The camera over M pictures, from the first one that has a depth map."""

    T_start_camera: FloatArray
    """(M, 4, 4); NaN from where the chain of pictures breaks, or has no depth."""
    fitness: float
    """Share of the background's pixels with a depth that found their match, averaged over the pictures."""


def depth_odometry(view: View, depth_at: DepthAt) -> Odometry:
    """The longest stretch of pictures that are linked; two stretches share no world."""
    lens = _Lens.of(view.camera)
    path = np.full((len(view), 4, 4), np.nan)
    stretches: list[list[int]] = [[]]
    fitness: list[float] = []
    chain: _Chain | None = None
    for number in range(len(view)):
        image = _rgbd_image(view, number, depth_at, lens)
        share = None if chain is None or image is None else chain.link(image, lens)
        if share is not None:
            fitness.append(share)
        elif image is not None:
            chain = _Chain(image)
            stretches.append([])
        else:
            chain = None
        if chain is not None:
            path[number] = chain.T_start_last
            stretches[-1].append(number)
    longest = max(stretches, key=len)
    if len(longest) < 2:
        return Odometry(np.full_like(path, np.nan), 0.0)
    path[np.setdiff1d(np.arange(len(view)), longest)] = np.nan
    return Odometry(path, float(np.mean(fitness)))


class _Chain:
    """Pictures linked one after the other.

    Each is compared with a keyframe, as long as enough of that is to be seen: drift grows with the number of keyframes,
    not of pictures.
    """

    def __init__(self, first: RgbdImage) -> None:
        self._key = self._last = first
        self._T_start_key = self._T_key_last = np.eye(4)

    @property
    def T_start_last(self) -> FloatArray:
        """Where the picture linked last is, seen from the first (4, 4)."""
        return np.asarray(self._T_start_key @ self._T_key_last)

    def link(self, image: RgbdImage, lens: _Lens) -> float | None:
        """Append a picture; the share of its pixels that found their match, or None where it cannot be linked."""
        linked = _link(self._key, image, self._T_key_last, lens)
        if (linked is None or linked[1] < _KEEP_FITNESS) and self._last is not self._key:
            # Too little of the keyframe is left; the picture before this one, which was linked to it, is the next.
            self._key, self._T_start_key = self._last, self.T_start_last
            linked = _link(self._key, image, np.eye(4), lens)
        if linked is None:
            return None
        self._T_key_last, share = linked
        self._last = image
        return share


@dataclass(frozen=True)
class _Lens:
    """The pinhole camera, small, that pictures are turned into, and where its pixels are in them."""

    camera: Camera
    map_px: Float32Array
    """(h, w, 2)."""

    @classmethod
    def of(cls, camera: Camera) -> _Lens:
        width = min(_WIDTH_PX, camera.width)
        small = replace(camera.scaled(width, round(camera.height * width / camera.width)), distortion=None)
        column, row = np.meshgrid(np.arange(small.width), np.arange(small.height))
        rays = small.unproject(np.stack([column, row], axis=-1), np.ones(column.shape))
        return cls(small, camera.project(rays).astype(np.float32))

    def seen(self, image: NDArray[Any], width: int, interpolation: int) -> NDArray[Any]:
        """An image of the picture's shape, at any size, as the small camera sees it; 0 where it sees none of it."""
        import cv2

        scale = image.shape[1] / width
        at = (self.map_px + 0.5) * np.float32(scale) - 0.5
        return np.asarray(cv2.remap(image, at[..., 0], at[..., 1], interpolation, borderMode=cv2.BORDER_CONSTANT))


def _rgbd_image(view: View, number: int, depth_at: DepthAt, lens: _Lens) -> RgbdImage | None:
    """The background's colour and depth as Open3D takes them; None where too little of it has a depth."""
    import cv2
    import open3d as o3d

    depth = depth_at(int(view.timestamp_ns[number]))
    if depth is None:
        return None
    width = view.camera.width
    metres = _without_pinholes(lens.seen(np.nan_to_num(depth), width, cv2.INTER_NEAREST))
    background = lens.seen(view.background(number), width, cv2.INTER_NEAREST) > 0
    usable = background & (metres >= _NEAR_M) & (metres <= _FAR_M)
    if usable.mean() < _MIN_FILLED:
        return None
    color = lens.seen(view.picture(number), width, cv2.INTER_LINEAR)
    as_tensor = o3d.core.Tensor.from_numpy
    return o3d.t.geometry.RGBDImage(
        o3d.t.geometry.Image(as_tensor(np.ascontiguousarray(color))),
        o3d.t.geometry.Image(as_tensor(np.where(usable, metres, 0.0).astype(np.float32))),
    )


def _without_pinholes(metres: Float32Array) -> Float32Array:
    """A depth map (h, w), 0 in holes, in which those that are surrounded by one surface are closed."""
    import cv2

    window = np.ones((3, 3), np.uint8)
    known = metres > 0
    num_known = cv2.boxFilter(known.astype(np.float32), -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
    total = cv2.boxFilter(metres, -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
    farthest = cv2.dilate(metres, window)
    nearest = cv2.erode(np.where(known, metres, np.float32(np.inf)), window)
    closed = ~known & (num_known >= _MIN_NEIGHBOURS) & (farthest - nearest < _LOSS[0])
    return np.asarray(np.where(closed, total / np.maximum(num_known, 1.0), metres), dtype=np.float32)


def _link(key: RgbdImage, image: RgbdImage, T_key_image: FloatArray, lens: _Lens) -> tuple[FloatArray, float] | None:
    """T_key_image (4, 4), from a first guess of it, and the share of the image's pixels with a depth that it matches.

    None where they are too few.
    """
    import open3d as o3d

    odometry = o3d.t.pipelines.odometry
    as_tensor = o3d.core.Tensor.from_numpy
    try:
        result = odometry.rgbd_odometry_multi_scale(
            image,
            key,
            as_tensor(lens.camera.K),
            as_tensor(np.ascontiguousarray(T_key_image)),
            depth_scale=1.0,
            depth_max=_FAR_M,
            criteria_list=[odometry.OdometryConvergenceCriteria(steps) for steps in _ITERATIONS],
            method=odometry.Method.Hybrid,
            params=odometry.OdometryLossParams(*_LOSS),
        )
    except RuntimeError:  # so few pixels match that what they say of the motion is singular
        return None
    filled = float((image.depth.as_tensor().numpy() > 0).mean())
    share = float(result.fitness) / filled
    return (result.transformation.numpy(), share) if share >= _MIN_FITNESS else None
