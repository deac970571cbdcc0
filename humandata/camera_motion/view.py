"""What of one video the camera's motion is found from: some of its pictures, and where the hands are in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from humandata.arrays import FloatArray, Image, IntArray
from humandata.geometry.cameras import Camera


@dataclass(frozen=True)
class View:
    """M pictures of one camera, in order of time."""

    timestamp_ns: IntArray
    """(M,)."""
    picture: Callable[[int], Image]
    """The picture (H, W, 3) uint8 RGB of a number in [0, M)."""
    hands_px: Sequence[Sequence[FloatArray]]
    """M times the landmarks (21, 2) of every hand in the picture, whoever's it is."""
    camera: Camera
    """Of the pictures, at the size at which they are looked at."""
    grey_picture: Callable[[int, int], Image] | None = None
    """The picture of a number in grey at 1, 1/2, 1/4 or 1/8 of its size, the second argument being what divides it; for
    less than `picture` costs, by which it is made otherwise."""
    reduction: int = 1
    """What divides the size of the pictures: `picture` gives them whole."""

    def __len__(self) -> int:
        return len(self.timestamp_ns)

    def grey(self, number: int) -> Image:
        """The picture as (H, W) uint8."""
        import cv2

        if self.grey_picture is not None:
            return self.grey_picture(number, self.reduction)
        grey = cv2.cvtColor(self.picture(number), cv2.COLOR_RGB2GRAY)
        size = (self.camera.width, self.camera.height)
        return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)

    def background(self, number: int) -> Image:
        """(H, W) uint8: 255 where the picture shows no hand and no forearm, else 0."""
        return background_mask(self.hands_px[number], self.camera.width, self.camera.height)

    def thinned(self, rate_hz: float) -> View:
        """At most `rate_hz` of the pictures a second."""
        from humandata.video.rates import thin

        return self.subset(np.flatnonzero(thin(self.timestamp_ns, rate_hz, None)))

    def subset(self, numbers: NDArray[np.integer]) -> View:
        """Some of the pictures, by their increasing numbers."""
        kept = numbers.tolist()
        grey_picture = self.grey_picture
        return replace(
            self,
            timestamp_ns=self.timestamp_ns[kept],
            picture=lambda number: self.picture(kept[number]),
            hands_px=[self.hands_px[number] for number in kept],
            grey_picture=None if grey_picture is None else lambda number, by: grey_picture(kept[number], by),
        )

    def coarse(self, least_width_px: int) -> View:
        """The whole view in grey pictures as small as they can be had without being narrower than that."""
        by = next((by for by in (8, 4, 2) if self.camera.width >= by * least_width_px), 1)
        size = (-(-self.camera.width // by), -(-self.camera.height // by))  # as JPEG's reduced decoding rounds
        hands_px = [[(hand + 0.5) / by - 0.5 for hand in hands] for hands in self.hands_px]
        return replace(self, hands_px=hands_px, camera=self.camera.scaled(*size), reduction=by)


FOREARM_PER_HAND = 1.5
"""How far behind the wrist the arm is masked, in hand lengths: elbow to wrist over wrist to middle fingertip, 0.253 m
over 0.187 m (means of Gordon et al., 2012 Anthropometric Survey of U.S. Army Personnel), and a margin."""

MARGIN_PER_HAND = 0.2
"""Landmarks are joints inside the hand, and what it holds moves with it."""


def background_mask(hands_px: Sequence[FloatArray], width: int, height: int) -> Image:
    """(height, width) uint8: 0 on hands with landmarks (21, 2) in pixels, and along their forearms, 255 elsewhere."""
    import cv2

    mask = np.full((height, width), 255, dtype=np.uint8)
    for landmarks in hands_px:
        if not np.isfinite(landmarks).all():
            continue
        size = float(np.linalg.norm(np.ptp(landmarks, axis=0)))
        hull = cv2.convexHull(np.round(landmarks).astype(np.int32))
        cv2.fillConvexPoly(mask, hull, 0)
        cv2.polylines(mask, [hull], True, 0, thickness=max(1, round(2 * MARGIN_PER_HAND * size)))
        wrist, palm = landmarks[0], landmarks[[5, 9, 13, 17]].mean(axis=0)
        back = (wrist - palm) / max(float(np.linalg.norm(wrist - palm)), 1e-6)
        elbow = wrist + back * size * FOREARM_PER_HAND
        ends = [tuple(np.round(point).astype(int).tolist()) for point in (wrist, elbow)]
        cv2.line(mask, ends[0], ends[1], 0, thickness=max(1, round(0.6 * size)))
    return mask
