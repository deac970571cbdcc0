"""Add an estimator of your own: one class, which a recipe names by its place.

python examples/04_add_an_estimator.py shards/videos
PYTHONPATH=examples humandata extract videos/ --estimator 04_add_an_estimator:StillHands

This one looks at each frame by itself, as suits pictures taken seconds apart, where tracking from frame to frame would
mislead. A network that reconstructs one hand from a crop, such as WiLoR, goes the same way: `setup` loads it, `track`
cuts crops (humandata.hands.crops) and places what comes out (humandata.hands.reconstruction), as hamer_estimator does.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

import mediapipe
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision

from humandata.arrays import Image
from humandata.dataset.read import open_source
from humandata.errors import HumandataError
from humandata.geometry.cameras import Camera
from humandata.hands import make_estimator
from humandata.hands.estimator import DetectSettings, HandDetection
from humandata.hands.native_logs import quiet_native_logs
from humandata.hands.weights import resolve_weights
from humandata.schemas.episode import PRIMARY_CAMERA
from humandata.video.images import decode_image


class StillHands:
    """MediaPipe's hand landmarker in image mode."""

    name: ClassVar[str] = "still_hands"
    memory_bytes: ClassVar[int] = 3 << 29  # what a worker with it asks of a Ray cluster

    def __init__(self, settings: DetectSettings, weights: Path | None = None) -> None:
        """Light: it runs where the job is started, and is sent to the workers."""
        self._settings = settings
        self._weights = weights
        self._model: bytes | None = None

    @property
    def version(self) -> str:
        """Goes into the record of every episode."""
        return version("mediapipe")

    @property
    def weights_sha256(self) -> str:
        """Likewise: with other weights, finished videos are done again."""
        return resolve_weights("hand_landmarker", self._weights).sha256

    def setup(self) -> None:
        """Heavy: it runs on each worker, once."""
        if self._model is None:
            self._model = resolve_weights("hand_landmarker", self._weights).path.read_bytes()

    def track(
        self, frames: Iterable[tuple[int, Image]], camera: Camera | None = None
    ) -> Generator[tuple[HandDetection, ...]]:
        """One result a frame. An estimator that judges depth uses `camera` and fills `landmarks_camera` too."""
        del camera
        self.setup()
        options = vision.HandLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=self._model),
            num_hands=self._settings.num_hands,
            min_hand_detection_confidence=self._settings.min_detection_confidence,
        )
        with quiet_native_logs():  # of the chatter that MediaPipe begins with, nothing is of use
            landmarker = vision.HandLandmarker.create_from_options(options)
        with landmarker:
            for _, image in frames:
                picture = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(image))
                with quiet_native_logs():
                    result = landmarker.detect(picture)
                yield detections(result, image.shape[1], image.shape[0])


def detections(found: vision.HandLandmarkerResult, width: int, height: int) -> tuple[HandDetection, ...]:
    hands = zip(found.handedness, found.hand_landmarks, found.hand_world_landmarks, strict=True)
    return tuple(
        HandDetection(
            side="left" if sides[0].category_name == "Left" else "right",  # anatomical; (0, 0) is a pixel's centre
            score=sides[0].score,
            landmarks_px=np.array([(point.x, point.y) for point in points]) * [width, height] - 0.5,
            landmarks_hand=np.array([(point.x, point.y, point.z) for point in metric]),
        )
        for sides, points, metric in hands
    )


def main(path: Path) -> None:
    source = open_source(path)
    estimator = make_estimator(DetectSettings(estimator=f"{Path(__file__).stem}:StillHands"))
    for row in source.episodes().to_pylist():
        episode = source.read_episode(row["id"])
        images = map(decode_image, episode.images[PRIMARY_CAMERA])
        frames = zip(episode.timestamp_ns.tolist(), images, strict=True)
        seen = sum(bool(hands) for hands in estimator.track(frames, episode.camera))
        print(f"{row['input']}: {estimator.name} sees a hand in {seen} of {episode.num_steps} frames")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        main(Path(sys.argv[1]))
    except HumandataError as error:  # a mistake in what was typed, in words
        sys.exit(f"error: {error}")
