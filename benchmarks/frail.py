"""An estimator that fails when it is told to, for the benchmark of kills: MediaPipe's with a flaw in one frame.

What it is to do stands in files of the folder that `HUMANDATA_FRAIL` names, so that nothing of it is in the recipe:
`abort-once`, `abort-always` and `raise-once`, each holding the checksum of the picture that it fails on.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

from humandata.arrays import Image
from humandata.geometry.cameras import Camera
from humandata.hands.estimator import HandDetection
from humandata.hands.mediapipe_estimator import MediaPipeEstimator


class FrailEstimator(MediaPipeEstimator):
    """MediaPipe's estimator, but for what it is told to do."""

    def track(
        self, frames: Iterable[tuple[int, Image]], camera: Camera | None = None
    ) -> Generator[tuple[HandDetection, ...]]:
        """The hands of each frame, until it fails."""
        return super().track(_fail(frames), camera)


def _fail(frames: Iterable[tuple[int, Image]]) -> Iterator[tuple[int, Image]]:
    folder = Path(os.environ["HUMANDATA_FRAIL"])
    for timestamp_ns, image in frames:
        for order in folder.iterdir():
            if order.read_text() != str(zlib.crc32(image.tobytes())):
                continue
            if order.name.endswith("once"):
                order.unlink()
            if order.name.startswith("abort"):
                os.abort()
            raise RuntimeError("the network returned no numbers")
        yield timestamp_ns, image
