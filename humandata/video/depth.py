"""Depth maps beside a video: metres at each frame's time, NaN where nothing was measured.

The maps are taken to be registered to the colour picture (librealsense's `align` to color, Azure Kinect's
`depth_image_to_color_camera`, ARKit's own): pixel for pixel the same view, at any size of the same shape. A map of a
depth camera's own view would measure the wrong places, and nothing in the file tells it from one that is registered.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from humandata.arrays import Float32Array, IntArray
from humandata.errors import InputError
from humandata.schemas.sidecar import DepthSource
from humandata.video.companions import find_companion
from humandata.video.depth_files import DepthFiles, open_depth_files, packet_times

MAX_LAG_NS = 20_000_000
"""A map further in time from a frame than this is not its own: just over half a frame at 30 Hz."""

MAX_DEPTH_M = 20.0
"""Further away a map tells nothing of hands: what lies beyond is a hole too (0xFFFF is a hole in some exports)."""

ASPECT_TOLERANCE = 0.02
"""A map of another shape than the picture is not registered to it; odd sizes round."""

_NS_PER_UNIT = {"s": 1e9, "ms": 1e6, "us": 1e3, "ns": 1.0}


class DepthMaps:
    """Depth over the time of a video."""

    def __init__(self, files: DepthFiles, timestamp_ns: IntArray, scale_m: float) -> None:
        self._files = files
        self._timestamp_ns = timestamp_ns
        self._scale_m = scale_m

    @property
    def timestamp_ns(self) -> IntArray:
        """(M,) times of the maps on the video's clock, increasing."""
        return self._timestamp_ns

    def at(self, timestamp_ns: int) -> Float32Array | None:
        """The map (H, W) in metres of the frame at a time, NaN in holes; None where no map is near enough in time.

        Increasing times are cheap. Raises InputError where the file proves broken.
        """
        following = int(np.searchsorted(self._timestamp_ns, timestamp_ns))
        candidates = [index for index in (following - 1, following) if 0 <= index < len(self._timestamp_ns)]
        nearest = min(candidates, key=lambda index: abs(int(self._timestamp_ns[index]) - timestamp_ns))
        if abs(int(self._timestamp_ns[nearest]) - timestamp_ns) > MAX_LAG_NS:
            return None
        metres = self._files.read(nearest).astype(np.float32) * np.float32(self._scale_m)
        with np.errstate(invalid="ignore"):
            return np.where((metres > 0) & (metres <= MAX_DEPTH_M), metres, np.float32(np.nan))


def open_depth(video: Path, source: DepthSource, width: int, height: int) -> DepthMaps:
    """The depth maps of a video whose upright picture is width x height, as its sidecar describes them.

    Raises InputError: the maps are absent, outside the video's folder, unreadable, of another shape than the picture,
    or do not tell their times as the sidecar says.
    """
    path = find_companion(video, source.path)
    files = open_depth_files(path)
    if source.times == "order":
        times = np.sort(packet_times(video))
        if files.num_maps != len(times):
            raise InputError(
                f"{path}: holds {files.num_maps} depth maps for a video of {len(times)} frames, so their order does "
                "not say which belongs to which. Give their times: 'times' in the sidecar's 'depth'."
            )
    elif files.times is None:
        raise InputError(f"{path}: its maps have no times: names that are no numbers, or no array 'timestamps'.")
    else:
        factor = 1.0 if path.is_file() and path.suffix != ".npz" else _NS_PER_UNIT[source.times]
        times = np.round(files.times * factor).astype(np.int64) + source.offset_ns
    first = files.read(0)
    if abs(first.shape[1] / first.shape[0] * height / width - 1.0) > ASPECT_TOLERANCE:
        raise InputError(
            f"{path}: maps of {first.shape[1]}x{first.shape[0]} are not registered to a picture of {width}x{height}: "
            "the shape differs. Align depth to colour when exporting."
        )
    return DepthMaps(files, times, source.scale_m)
