"""What every hand estimator is: frames of one video in, hands per frame out."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

from pydantic import Field, PositiveInt

from humandata.arrays import FloatArray, Image
from humandata.geometry.cameras import Camera
from humandata.schemas.documents import Document
from humandata.schemas.landmarks import Side


class DetectSettings(Document):
    """The recipe's section `detect`."""

    estimator: str = Field(
        default="mediapipe", description="a name of the estimator registry, or your own as module:Class"
    )
    num_hands: PositiveInt = Field(
        default=2,
        description="hands looked for in a frame: one person's. Twice as many are looked for where more are noticed; "
        "4 where two people are known to be in view finds them more surely, and takes longer",
    )
    min_detection_confidence: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="a hand is found. 0.5 is usual (EgoZero, HaMeR's demo); at 0.3 first-person clips lose fewer, "
        "and what stays doubtful leaves by the filter `confidence`",
    )
    min_presence_confidence: float = Field(default=0.3, ge=0, le=1, description="below it a hand is looked for anew")
    min_tracking_confidence: float = Field(default=0.3, ge=0, le=1, description="overlap that a tracked hand must keep")
    batch_size: PositiveInt = Field(
        default=32, description="hands that an estimator of crops, such as hamer, looks at at once"
    )


@dataclass(frozen=True)
class ManoHand:
    """One hand as the model MANO describes it (Romero, Tzionas and Black, "Embodied Hands", 2017).

    A left hand is one of the left model. MANO turns a hand about its own wrist joint: put that joint where landmark 0
    is to have the hand in its place.
    """

    global_orient: FloatArray
    """(3,) axis-angle in radians: rotation of the hand from MANO's axes to the camera's."""
    hand_pose: FloatArray
    """(15, 3) axis-angle in radians: rotation of each joint in its parent, relative to the flat hand."""
    betas: FloatArray
    """(10,) shape."""


@dataclass(frozen=True)
class HandDetection:
    """One hand in one image."""

    side: Side
    """Anatomical, as the estimator sees it in this frame alone."""
    score: float
    """Confidence in [0, 1]. MediaPipe reports that of the side, and no other."""
    landmarks_px: FloatArray
    """(21, 2) pixels of the image that was given; (0, 0) is the centre of the top-left pixel."""
    landmarks_hand: FloatArray
    """(21, 3) metres, about the hand's centre, axes as the camera's: right, down, forward. Their size is a guess."""
    landmarks_camera: FloatArray | None = None
    """(21, 3) metres in the camera frame, from an estimator that was given the camera and judges depth itself."""
    landmarks_depth_m: FloatArray | None = None
    """(21,) z of the joints in the camera frame, as a depth camera or stereo measures it; NaN where it does not."""
    mano: ManoHand | None = None
    """From an estimator that fits MANO."""


class HandTracker(Protocol):
    """Finds hands in the frames of a video."""

    def track(
        self, frames: Iterable[tuple[int, Image]], camera: Camera | None = None
    ) -> Generator[tuple[HandDetection, ...]]:
        """The hands of each frame of one video, in order, given (timestamp_ns, image) with increasing timestamps.

        `camera` is that of the images, for estimators that judge depth. Nothing is remembered from one call to the
        next. An estimator may read ahead (a batch) before it yields.
        """
        ...


class HandEstimator(HandTracker, Protocol):
    """Finds hands. The constructor is light and runs on the driver; `setup` loads the model, on the worker.

    Called as `Estimator(settings, weights)`, where weights is a path, or None for those of the cache.
    """

    name: ClassVar[str]
    memory_bytes: ClassVar[int]
    """What a worker asks of a cluster that runs it, for the video it decodes as well as for the model."""

    def __init__(self, settings: DetectSettings, weights: Path | None = None) -> None: ...

    @property
    def version(self) -> str:
        """Version of the package that does the work."""
        ...

    @property
    def weights_sha256(self) -> str:
        """SHA-256 of the weights; resolves them, so it raises MissingDependencyError where they cannot be had."""
        ...

    def setup(self) -> None:
        """Load the model; idempotent. Raises MissingDependencyError."""
        ...


@runtime_checkable
class PictureDetector(HandTracker, Protocol):
    """What an estimator may be able to do besides: look at one picture by itself, where tracking lost a hand."""

    def detect(self, image: Image, camera: Camera | None = None) -> tuple[HandDetection, ...]:
        """The hands of a picture, doubtful ones too: whoever asks knows where one must be, and judges by that."""
        ...

    def close(self) -> None:
        """Let go of what `detect` has loaded; it is loaded again when it is needed."""
        ...


@runtime_checkable
class HandReconstructor(Protocol):
    """An estimator that consists of a detector and of a network that looks at each hand found.

    Its two steps can be taken apart: hands are looked for in all frames first, their sides are settled by all frames of
    a track together, and then each is reconstructed once. `track` takes both steps frame by frame.
    """

    @property
    def detector(self) -> HandEstimator:
        """What finds the hands."""
        ...

    def reconstruct(
        self, frames: Iterable[tuple[Image | None, Sequence[HandDetection]]], camera: Camera | None = None
    ) -> Iterator[tuple[HandDetection, ...]]:
        """The hands of each frame as the network sees them, one for each found; without hands no image is needed."""
        ...
