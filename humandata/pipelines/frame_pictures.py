"""The pictures of a video's frames, encoded for those who look at them again: not all of them, for that costs time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from humandata.arrays import Image
from humandata.hands.estimator import HandDetection
from humandata.video.images import decode_image, encode_jpeg
from humandata.video.spool import PictureSpool


class FramePictures:
    """Takes every frame, in order, and keeps those that are steps, and those near a frame that left doubt.

    What is no step waits uncompressed until the hands of the frames around it are known, so that it takes memory for
    twice `reach_ns` at most, and for as many frames as the estimator reads ahead.
    """

    def __init__(
        self,
        steps: PictureSpool,
        others: PictureSpool,
        quality: int,
        leaves_doubt: Callable[[Sequence[HandDetection]], bool],
        reach_ns: int,
    ) -> None:
        """`leaves_doubt` judges the hands of a frame; pictures are kept as far as `reach_ns` from where it does."""
        self._steps = steps
        self._others = others
        self._quality = quality
        self._leaves_doubt = leaves_doubt
        self._reach_ns = reach_ns
        self._timestamp_ns: list[int] = []
        self._places: dict[int, tuple[PictureSpool, int]] = {}
        self._waiting: deque[tuple[int, Image]] = deque()
        self._num_told = 0
        self._last_doubt_ns: int | None = None

    def add(self, timestamp_ns: int, image: Image, is_step: bool) -> None:
        """The next frame; its picture must not change afterwards."""
        index = len(self._timestamp_ns)
        self._timestamp_ns.append(timestamp_ns)
        if is_step:
            self._keep(index, image, self._steps)
        else:
            self._waiting.append((index, image))

    def tell(self, hands: Sequence[HandDetection]) -> None:
        """What was found in the next of the frames that were added."""
        now_ns = self._timestamp_ns[self._num_told]
        self._num_told += 1
        if self._leaves_doubt(hands):
            self._last_doubt_ns = now_ns
        self._settle(now_ns - self._reach_ns)

    def read(self, index: int) -> Image:
        """The picture of a frame, once all were told; of one that was not kept, the nearest that was."""
        if self._waiting:
            self._settle(None)
        nearest = min(self._places, key=lambda kept: abs(kept - index)) if index not in self._places else index
        spool, number = self._places[nearest]
        return decode_image(spool.read(number))

    def _settle(self, before_ns: int | None) -> None:
        """Keep or forget the frames that wait, of before that time, or all."""
        while self._waiting and (before_ns is None or self._timestamp_ns[self._waiting[0][0]] < before_ns):
            index, image = self._waiting.popleft()
            near = self._timestamp_ns[index] - self._reach_ns
            if self._last_doubt_ns is not None and self._last_doubt_ns >= near:
                self._keep(index, image, self._others)

    def _keep(self, index: int, image: Image, spool: PictureSpool) -> None:
        self._places[index] = (spool, spool.append(encode_jpeg(image, self._quality)))
