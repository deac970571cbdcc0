"""HaMeR (Pavlakos et al., "Reconstructing Hands in 3D with Transformers", CVPR 2024): a hand's mesh from one crop.

MediaPipe finds the hands and tells left from right; HaMeR then looks at a crop of each. Its own detectors (detectron2,
ViTPose) are not needed.
"""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from humandata.arrays import Image
from humandata.geometry.cameras import Camera
from humandata.hands.crops import Crop, crop_around, cut
from humandata.hands.estimator import DetectSettings, HandDetection
from humandata.hands.hamer_files import HamerFiles, hamer_version, require_hamer_files
from humandata.hands.mediapipe_estimator import MediaPipeEstimator
from humandata.hands.reconstruction import to_detection

if TYPE_CHECKING:
    from humandata.hands.hamer_network import HamerNetwork

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Frame:
    """What is kept of a frame while it waits for its batch."""

    hands: Sequence[HandDetection]
    crops: Sequence[Crop]
    pictures: Sequence[Image]


class HamerEstimator:
    """Detection by MediaPipe, reconstruction by HaMeR, in batches of crops that reach across frames."""

    name: ClassVar[str] = "hamer"
    memory_bytes: ClassVar[int] = 7 << 30
    """6 GB were seen on a CPU. A GPU's worker was not measured; its weights pass through memory in the same way."""

    def __init__(self, settings: DetectSettings, weights: Path | None = None) -> None:
        """`weights` is HaMeR's folder `_DATA`; see `hamer_files`."""
        self._detector = MediaPipeEstimator(settings)
        self._batch_size = settings.batch_size
        self._folder = weights
        self._network: HamerNetwork | None = None

    @property
    def version(self) -> str:
        """Versions of the packages hamer and mediapipe."""
        return f"{hamer_version()} with {self._detector.name} {self._detector.version}"

    @property
    def detector(self) -> MediaPipeEstimator:
        """What finds the hands, and settles nothing but their sides and boxes."""
        return self._detector

    @cached_property
    def _files(self) -> HamerFiles:
        return require_hamer_files(self._folder)

    @property
    def weights_sha256(self) -> str:
        """SHA-256 over those of HaMeR's files, MANO's, and the detector's."""
        return hashlib.sha256((self._files.sha256 + self._detector.weights_sha256).encode()).hexdigest()

    def setup(self) -> None:
        """Load detector and network, the latter onto the GPU where there is one."""
        if self._network is not None:
            return
        hamer_version()
        files = self._files
        self._detector.setup()
        import torch

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its imports, which are of another year
            from humandata.hands.hamer_network import HamerNetwork

        on_gpu = torch.cuda.is_available()
        if not on_gpu:
            _LOG.warning("no GPU that torch can use: HaMeR takes seconds for each hand")
        self._network = HamerNetwork(files, torch.device("cuda" if on_gpu else "cpu"), half=on_gpu)

    def track(
        self, frames: Iterable[tuple[int, Image]], camera: Camera | None = None
    ) -> Generator[tuple[HandDetection, ...]]:
        """The hands of each frame, after reading ahead until a batch is full. See `HandEstimator.track`.

        With a camera, `landmarks_camera` places the hand by the size that HaMeR sees it to have.
        """
        self.setup()
        images: deque[Image] = deque()
        with closing(self._detector.track(_remembered(frames, images), camera)) as found:
            yield from self.reconstruct(((images.popleft(), hands) for hands in found), camera)

    def reconstruct(
        self, frames: Iterable[tuple[Image | None, Sequence[HandDetection]]], camera: Camera | None = None
    ) -> Iterator[tuple[HandDetection, ...]]:
        """HaMeR's view of hands that were found, in batches across frames. See `HandReconstructor.reconstruct`."""
        self.setup()
        waiting: list[_Frame] = []
        num_crops = 0
        for image, hands in frames:
            crops = [crop_around(hand.landmarks_px, hand.side) for hand in hands]
            pictures = [cut(image, crop) for crop in crops] if image is not None else []
            waiting.append(_Frame(hands, crops, pictures))
            num_crops += len(hands)
            if num_crops >= self._batch_size:
                yield from self._run(waiting, camera)
                waiting, num_crops = [], 0
        yield from self._run(waiting, camera)

    def _run(self, frames: list[_Frame], camera: Camera | None) -> Iterator[tuple[HandDetection, ...]]:
        assert self._network is not None
        pictures = [picture for frame in frames for picture in frame.pictures]
        found = iter(self._network(pictures) if pictures else ())
        for frame in frames:
            yield tuple(
                to_detection(next(found), crop, hand.side, hand.score, camera)
                for hand, crop in zip(frame.hands, frame.crops, strict=True)
            )


def _remembered(frames: Iterable[tuple[int, Image]], images: deque[Image]) -> Iterator[tuple[int, Image]]:
    """The frames as they are, each image put into `images` as it passes."""
    for timestamp_ns, image in frames:
        images.append(image)
        yield timestamp_ns, image
