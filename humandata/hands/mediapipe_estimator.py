"""MediaPipe's hand landmarker (Tasks API) in tracking mode, on the CPU."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import nullcontext
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from humandata.arrays import Image
from humandata.errors import MissingDependencyError
from humandata.geometry.cameras import Camera
from humandata.hands.estimator import DetectSettings, HandDetection
from humandata.hands.native_logs import quiet_native_logs
from humandata.hands.weights import Weights, resolve_weights
from humandata.schemas.landmarks import Side

if TYPE_CHECKING:
    from mediapipe.tasks.python import vision

SEARCH_CONFIDENCE = 0.1
"""Of a hand looked for where one must be: on the studio's crossing and leaving hands, found in 9 to 10 of 10 crops,
against 7 to 9 at 0.3."""

_SIDES: dict[str, Side] = {"Left": "left", "Right": "right"}
"""The Tasks model names the anatomical side of an image that is not mirrored."""


class MediaPipeEstimator:
    """Palm detection where no hand is tracked, landmarks everywhere else."""

    name: ClassVar[str] = "mediapipe"
    memory_bytes: ClassVar[int] = 3 << 29
    """Twice what a worker and its decoder took on an hour of video (676 MiB, by `benchmarks/memory.py --estimator
    mediapipe --rate 10 --videos 1080p:3600`), for the packages that find a moving camera's path come on top."""

    def __init__(self, settings: DetectSettings, weights: Path | None = None) -> None:
        self._settings = settings
        self._weights_path = weights
        self._model: bytes | None = None
        self._picture_landmarker: vision.HandLandmarker | None = None

    @property
    def version(self) -> str:
        """Version of the mediapipe package."""
        return version("mediapipe")

    @cached_property
    def _weights(self) -> Weights:
        return resolve_weights("hand_landmarker", self._weights_path)

    @property
    def weights_sha256(self) -> str:
        """SHA-256 of `hand_landmarker.task`."""
        return self._weights.sha256

    def setup(self) -> None:
        """Read the weights, and find out now whether MediaPipe can be loaded."""
        if self._model is None:
            _import_mediapipe()
            self._model = self._weights.path.read_bytes()

    def track(
        self, frames: Iterable[tuple[int, Image]], camera: Camera | None = None
    ) -> Generator[tuple[HandDetection, ...]]:
        """The hands of each frame, as soon as it was given; `camera` makes no difference. See `HandEstimator.track`."""
        del camera
        self.setup()
        mediapipe = _import_mediapipe()
        from mediapipe.tasks.python import vision

        with quiet_native_logs():
            landmarker = self._make_landmarker(vision.RunningMode.VIDEO, self._settings)
        try:
            last_ms, chatty = -1, True
            for timestamp_ns, image in frames:
                last_ms = max(round(timestamp_ns / 1e6), last_ms + 1)
                with quiet_native_logs() if chatty else nullcontext():
                    result = landmarker.detect_for_video(_picture(mediapipe, image), last_ms)
                chatty = chatty and not result.hand_landmarks  # the last warning comes with the first hand
                yield _detections(result, image.shape[1], image.shape[0])
        finally:
            _close(landmarker)

    def detect(self, image: Image, camera: Camera | None = None) -> tuple[HandDetection, ...]:
        """The hands of one picture, down to `SEARCH_CONFIDENCE`. See `PictureDetector.detect`."""
        del camera
        self.setup()
        from mediapipe.tasks.python import vision

        with quiet_native_logs():
            if self._picture_landmarker is None:
                confidence = ("min_detection_confidence", "min_presence_confidence", "min_tracking_confidence")
                settings = self._settings.model_copy(update=dict.fromkeys(confidence, SEARCH_CONFIDENCE))
                self._picture_landmarker = self._make_landmarker(vision.RunningMode.IMAGE, settings)
            result = self._picture_landmarker.detect(_picture(_import_mediapipe(), image))
        return _detections(result, image.shape[1], image.shape[0])

    def close(self) -> None:
        """Let go of the model that `detect` uses."""
        if self._picture_landmarker is not None:
            _close(self._picture_landmarker)
            self._picture_landmarker = None

    def _make_landmarker(self, mode: vision.RunningMode, settings: DetectSettings) -> vision.HandLandmarker:
        from mediapipe.tasks.python import BaseOptions, vision

        return vision.HandLandmarker.create_from_options(
            vision.HandLandmarkerOptions(
                base_options=BaseOptions(model_asset_buffer=self._model, delegate=BaseOptions.Delegate.CPU),
                running_mode=mode,
                num_hands=settings.num_hands,
                min_hand_detection_confidence=settings.min_detection_confidence,
                min_hand_presence_confidence=settings.min_presence_confidence,
                min_tracking_confidence=settings.min_tracking_confidence,
            )
        )


def _close(landmarker: vision.HandLandmarker) -> None:
    """Left to `__del__`, closing at interpreter exit fails with a traceback (mediapipe 1.2); 1.2.3 tells of it."""
    with quiet_native_logs():
        landmarker.close()


def _picture(mediapipe: ModuleType, image: Image) -> Any:
    return mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(image, dtype=np.uint8))


def _detections(result: vision.HandLandmarkerResult, width: int, height: int) -> tuple[HandDetection, ...]:
    hands = zip(result.handedness, result.hand_landmarks, result.hand_world_landmarks, strict=True)
    return tuple(
        HandDetection(
            side=_SIDES[categories[0].category_name],
            score=float(categories[0].score),
            landmarks_px=np.array([(point.x * width - 0.5, point.y * height - 0.5) for point in landmarks]),
            landmarks_hand=np.array([(point.x, point.y, point.z) for point in world_landmarks]),
        )
        for categories, landmarks, world_landmarks in hands
    )


def _import_mediapipe() -> ModuleType:
    try:
        import mediapipe
        import mediapipe.tasks.python.vision
    except (ImportError, OSError) as failure:
        raise MissingDependencyError(
            f"MediaPipe cannot be loaded ({failure}). Install it with: pip install mediapipe; "
            "`humandata doctor` names the system libraries it needs."
        ) from None
    module: ModuleType = mediapipe
    return module
