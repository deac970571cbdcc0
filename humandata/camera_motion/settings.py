"""The recipe's section `camera`, as far as the camera's motion is concerned."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt

from humandata.camera_motion.background import BackgroundSettings
from humandata.schemas.documents import Document

MotionChoice = Literal["auto", "background", "static", "sidecar", "rgbd", "sfm"]
"""How the motion is found where a sidecar tells neither that the camera stood still nor where it was.

auto: the background says whether it stood still; where it moved, by depth maps if there are any, else by structure from
motion. background: the same, but how it moved is not worked out. static: the user vouches that it stood still. sidecar:
it is not. rgbd, sfm: by that, whatever the background.
"""


class TrustSettings(Document):
    """When an estimated path is believed; otherwise the camera's motion is unknown."""

    min_placed: float = Field(
        default=0.3, ge=0, le=1, description="share of the pictures that were placed; in the others the path has a hole"
    )
    min_points: PositiveInt = Field(default=60, description="points of the background that the path rests on")
    max_reprojection_px: PositiveFloat = Field(default=1.5, description="root mean square")
    max_scale_error_m: PositiveFloat = Field(
        default=0.05,
        description="error of a displacement over a second that the scale's uncertainty causes: what one camera's "
        "guess of a hand's depth errs by (5.6 cm against HaWoR's annotation of an Ego4D clip)",
    )


class MotionSettings(Document):
    """How the camera's motion is found, and when it is believed."""

    background: BackgroundSettings = BackgroundSettings()
    trust: TrustSettings = TrustSettings()
    window_s: PositiveFloat = Field(
        default=30.0,
        description="structure from motion is done for stretches of up to this length; they share no world, and the "
        "seams end an episode",
    )
