"""What an extraction will need, told before it starts from a few of its videos: hours, disk, time."""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from humandata.errors import InputError, OutputError
from humandata.hands import make_estimator
from humandata.pipelines.recipe import Recipe
from humandata.pipelines.video_item import VideoItem, glimpse
from humandata.storage import is_remote
from humandata.video.decode import Decoding, decode
from humandata.video.images import encode_jpeg
from humandata.video.probe import VideoInfo, probe

PROBED = 5
CALIBRATION_FRAMES = 45
WARM_UP_FRAMES = 5
SECOND_LOOKS = 1.6
"""Time of the whole over that of one pass forward: closer looks, the fit and the camera, on rendered hands (1.5)."""
_LEAST_BYTES_PER_S = 1_000
"""Of video: what a file says of its length counts no further, or one that lies would stop the whole job."""
_BYTES_BESIDE_PICTURE = 4_000
"""Of a step: landmarks, poses and flags of two hands, compressed."""


@dataclass(frozen=True)
class Estimate:
    """Of the inputs that are still to be done."""

    hours: float
    """Of video."""
    pieces: int
    """Short videos, and parts of long ones: what workers can do side by side."""
    bytes_needed: int
    """If every step is kept: what the filters turn away needs no room."""
    bytes_free: int | None
    """None on an object store, which has no end."""
    workers: int | None = None
    """That can be at work at once, of those asked about."""
    seconds: float | None = None
    """By the clock, for that many; None without a calibration."""


def estimate(items: Sequence[VideoItem], out: Path, recipe: Recipe, workers: int | None = None) -> Estimate:
    """What the inputs will need, judged by `PROBED` of them and their sizes; with `workers`, also how long it takes.

    Videos that cannot be used are passed over. The time is measured on the first second and a half of one of them.
    """
    return _estimate(items, out, recipe, _encoded_bytes, workers)


def _estimate(
    items: Sequence[VideoItem], out: Path, recipe: Recipe, bytes_of_picture: _PictureBytes, workers: int | None = None
) -> Estimate:
    sizes = [_size(item.path) for item in items]
    durations_s, probed_bytes, picture_bytes, frame_s = [], 0, [], None
    for index in np.unique(np.linspace(0, len(items) - 1, PROBED).round().astype(int)) if items else ():
        with glimpse(items[index]) as path:
            try:
                info = probe(path)
                picture_bytes.append(bytes_of_picture(path, info, recipe))
            except (InputError, StopIteration):
                continue
            if info.duration_ns and sizes[index]:
                durations_s.append(min(info.duration_ns / 1e9, sizes[index] / _LEAST_BYTES_PER_S))
                probed_bytes += sizes[index]
            if workers is not None and frame_s is None:
                frame_s = _seconds_per_frame(path, recipe)
    s_per_byte = sum(durations_s) / probed_bytes if probed_bytes else 0.0
    video_s = sum(sizes) * s_per_byte
    pieces = sum(math.ceil(max(size * s_per_byte / recipe.decode.part_s, 1.0)) for size in sizes)
    step_bytes = float(np.mean(picture_bytes)) + _BYTES_BESIDE_PICTURE if picture_bytes else 0.0
    at_once = None if workers is None else max(1, min(workers, pieces))
    seconds = None
    if at_once is not None and frame_s is not None:
        looks = SECOND_LOOKS if recipe.track.search.max_unseen_s else 1.0
        seconds = video_s * recipe.decode.rate_hz * frame_s * looks / at_once
    return Estimate(
        video_s / 3600,
        pieces,
        round(video_s * recipe.store.rate_hz * step_bytes),
        None if is_remote(out) else shutil.disk_usage(_existing(out)).free,
        at_once,
        seconds,
    )


def count_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def refuse_full_disk(items: Sequence[VideoItem], out: Path, recipe: Recipe) -> None:
    """Raise OutputError where the disk has no room for what the inputs will need."""
    needed = _estimate(items, out, recipe, _uncompressed_bytes)
    if needed.bytes_free is None or needed.bytes_needed <= needed.bytes_free:
        return
    needed = estimate(items, out, recipe)
    if needed.bytes_free is not None and needed.bytes_needed > needed.bytes_free:
        raise OutputError(
            f"{out}: {needed.hours:.2f} h of video need about {needed.bytes_needed / 1e9:.3f} GB, and "
            f"{needed.bytes_free / 1e9:.3f} GB are free. Free space, choose another folder with --out, or store less: "
            "--set store.rate_hz=10 --set store.jpeg_quality=80."
        )


_PictureBytes = Callable[[Path, VideoInfo, Recipe], int]
"""Of one picture of a video; may raise InputError, or StopIteration where there is none."""


def _encoded_bytes(path: Path, info: VideoInfo, recipe: Recipe) -> int:
    """Of its first picture."""
    with closing(iter(_opened(path, info, recipe))) as frames:
        return len(encode_jpeg(next(frames).image, recipe.store.jpeg_quality))


def _uncompressed_bytes(path: Path, info: VideoInfo, recipe: Recipe) -> int:
    """More than any JPEG takes, and known without decoding."""
    decoding = _opened(path, info, recipe)
    return 3 * decoding.width * decoding.height


def _seconds_per_frame(path: Path, recipe: Recipe) -> float:
    """Of decoding and one pass of the model."""
    estimator = make_estimator(recipe.detect)
    estimator.setup()
    decoding = _opened(path, probe(path), recipe)
    stamps = []
    with closing(iter(decoding)) as frames:
        pictures = ((frame.timestamp_ns, frame.image) for frame in frames)
        with closing(estimator.track(islice(pictures, CALIBRATION_FRAMES))) as tracked:
            for _ in tracked:
                stamps.append(time.perf_counter())  # noqa: PERF401  # the time is what is wanted
    steady = stamps[min(WARM_UP_FRAMES, len(stamps) // 2) :]
    return (steady[-1] - steady[0]) / max(1, len(steady) - 1)


def _opened(path: Path, info: VideoInfo, recipe: Recipe) -> Decoding:
    reading = recipe.decode
    return decode(
        path, info, max_side=reading.max_side_px, rate_hz=reading.rate_hz, stall_timeout_s=reading.stall_timeout_s
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    folder = Path(os.path.abspath(folder))  # noqa: PTH100  # `resolve` would follow a link that leads nowhere
    while not folder.exists():
        folder = folder.parent
    return folder
