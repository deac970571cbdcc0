"""Whether the camera stood still: does the background stay where it was in the picture?

Corners of the background are followed from an anchor picture to each later one, and summed up by the cells of a grid,
so that one textured thing that moves does not outvote a plain wall.

Measured by benchmarks/camera_motion.py on clips that no threshold was chosen on: 0 of 20 still cameras called moving, 0
of 20 swaying ones called still.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field, PositiveFloat

from humandata.arrays import Float32Array, FloatArray, Image, IntArray
from humandata.camera_motion.corners import cells_of, find_corners, follow, on_background
from humandata.camera_motion.view import View
from humandata.schemas.documents import Document

_LEAST_WIDTH_PX = 240
"""Of the pictures looked at: corners are followed to a tenth of a pixel, and what is allowed of a usual lens is 3."""
_CORNERS_PER_CELL = 4
_MIN_CELLS = 6
"""Fewer cells with corners than an eighth of the grid say nothing of the background."""
_MIN_KEPT = 0.4
"""Share of the anchor's cells that must still be followed; below it, a later picture becomes the anchor."""
_CLOSER = 5.0
"""By how much more often pictures are looked at where too few can be compared: a head that turns fast leaves behind
within half a second what it saw."""


class BackgroundSettings(Document):
    """The recipe's section `camera.background`."""

    rate_hz: PositiveFloat = Field(default=2.0, description="pictures looked at in a second")
    max_shift_rad: PositiveFloat = Field(
        default=0.015,
        description="angle by which a still background may seem displaced: a camera held in hand, but held still. "
        "Taken as a camera at rest it misplaces a hand by 1.5 % of its distance, of which depth is less sure",
    )
    min_still_share: float = Field(
        default=0.5, gt=0, le=1, description="of the background that stays in place, for a picture to count as still"
    )
    min_still_pictures: float = Field(default=0.9, gt=0, le=1, description="share of still pictures of a still camera")


@dataclass(frozen=True)
class BackgroundMotion:
    """What the background says."""

    still: bool | None
    """Whether the camera stood still; None where there is too little background to tell."""
    still_pictures: float
    """Share of the pictures in which the background is where it was."""
    shift_px: float
    """How far the background is displaced from where it was: the 95th percentile over the pictures."""


UNTOLD = BackgroundMotion(None, float("nan"), float("nan"))


def judge_background(view: View, settings: BackgroundSettings) -> BackgroundMotion:
    """Whether the camera of the view stood still.

    A picture is still when most cells of the background are where the anchor picture shows them. The camera is, when
    nearly all pictures are: someone who crosses the picture is no motion of the camera, a camera that is moved once is.
    """
    usual = _judge(view.thinned(settings.rate_hz).coarse(_LEAST_WIDTH_PX), settings)
    if usual.still is not None:
        return usual
    return _judge(view.thinned(_CLOSER * settings.rate_hz).coarse(_LEAST_WIDTH_PX), settings)


def _judge(view: View, settings: BackgroundSettings) -> BackgroundMotion:
    """What the pictures of the view say, all of them looked at."""
    shifts = _shifts(view)
    if not shifts or len(shifts) < (len(view) - 1) / 2:
        return UNTOLD
    limit_px = settings.max_shift_rad * view.camera.fx
    still = [float((shift <= limit_px).mean()) >= settings.min_still_share for shift in shifts]
    share = float(np.mean(still))
    shift_px = view.reduction * float(np.percentile([np.median(shift) for shift in shifts], 95))
    return BackgroundMotion(share >= settings.min_still_pictures, share, shift_px)


def _shifts(view: View) -> list[FloatArray]:
    """Of each picture that shows enough of its anchor, how far every cell of the background is displaced, in pixels."""
    shifts = []
    anchor = _Anchor.at(view, 0) if len(view) else None
    for number in range(1, len(view)):
        assert anchor is not None
        shift = anchor.shift_to(view, number)
        if shift is None and anchor.number < number - 1:
            anchor = _Anchor.at(view, number - 1)
            shift = anchor.shift_to(view, number)
        if shift is None:
            anchor = _Anchor.at(view, number)
        else:
            shifts.append(shift)
    return shifts


@dataclass(frozen=True)
class _Anchor:
    """A picture whose corners are looked for in later ones."""

    number: int
    grey: Image
    corners_px: Float32Array
    """(C, 2)."""
    cell: IntArray
    """(C,) which cell of the grid a corner lies in."""

    @classmethod
    def at(cls, view: View, number: int) -> _Anchor:
        grey = view.grey(number)
        corners = find_corners(grey, view.background(number), _CORNERS_PER_CELL)
        return cls(number, grey, corners, cells_of(corners, view.camera.width, view.camera.height))

    def shift_to(self, view: View, number: int) -> FloatArray | None:
        """Displacement of each cell that is still to be seen; None where too few are."""
        found_px, found = follow(self.grey, view.grey(number), self.corners_px)
        found &= on_background(found_px, view.background(number))
        distance = np.linalg.norm(found_px - self.corners_px, axis=-1)
        seen = np.unique(self.cell[found])
        if len(seen) < max(_MIN_CELLS, _MIN_KEPT * len(np.unique(self.cell))):
            return None
        return np.array([np.median(distance[found & (self.cell == cell)]) for cell in seen])
