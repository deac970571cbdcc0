"""Footage of any length and size out of a short clip, for measurements of speed and memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from humandata.arrays import Image
from humandata.video.decode import decode
from humandata.video.probe import probe

MOST_FRAMES = 90


def to_and_fro(source: Path, size: tuple[int, int], num_frames: int) -> Iterator[Image]:
    """Frames of a video at a size (width, height), forwards and backwards and again: as many as wanted, and no jump."""
    import cv2

    images = []
    for frame in decode(source, probe(source), rate_hz=30):
        images.append(frame.image)
        if len(images) == MOST_FRAMES:
            break
    there_and_back = images + images[-2:0:-1]
    for number in range(num_frames):
        picture = cv2.resize(there_and_back[number % len(there_and_back)], size, interpolation=cv2.INTER_LINEAR)
        yield np.asarray(picture, dtype=np.uint8)
