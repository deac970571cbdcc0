"""An estimator that costs nothing: it sees a hand that moves with time, in every frame."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from hand_builders import CAMERA, detection, moving_hand

from humandata.arrays import Image
from humandata.geometry.cameras import Camera
from humandata.hands.estimator import DetectSettings, HandDetection

RATE_HZ = 15
_ONE_WAY = moving_hand("right", 10 * RATE_HZ)
HANDS = [*_ONE_WAY, *_ONE_WAY[-2:0:-1]]


class SteadyHands:
    """A right hand that drifts and turns slowly for ten seconds, then back, and again."""

    name: ClassVar[str] = "steady_hands"
    memory_bytes: ClassVar[int] = 1 << 30
    version = "1"
    weights_sha256 = "0" * 64

    def __init__(self, settings: DetectSettings, weights: Path | None = None) -> None:
        del settings, weights

    def setup(self) -> None:
        """Nothing to load."""

    def track(
        self, frames: Iterable[tuple[int, Image]], camera: Camera | None = None
    ) -> Generator[tuple[HandDetection, ...]]:
        del camera
        for timestamp_ns, image in frames:
            hand = detection(HANDS[round(timestamp_ns * RATE_HZ / 1e9) % len(HANDS)], "right")
            yield (replace(hand, landmarks_px=hand.landmarks_px * (image.shape[1] / CAMERA.width)),)


class PausingHands(SteadyHands):
    """The same hand, away from 4 s to 6.5 s."""

    name: ClassVar[str] = "pausing_hands"

    def track(
        self, frames: Iterable[tuple[int, Image]], camera: Camera | None = None
    ) -> Generator[tuple[HandDetection, ...]]:
        times: list[int] = []

        def noted() -> Generator[tuple[int, Image]]:
            for timestamp_ns, image in frames:
                times.append(timestamp_ns)
                yield timestamp_ns, image

        for hands in super().track(noted(), camera):
            yield () if 4e9 <= times[-1] < 6.5e9 else hands
