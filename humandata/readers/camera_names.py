"""Which of a dataset's cameras is the primary one, and what the others are called."""

from __future__ import annotations

import re
from collections.abc import Iterable

from humandata.errors import unknown_name
from humandata.schemas.episode import PRIMARY_CAMERA

PREFERENCE = ("front", "agentview", "exterior", "top", "high", "head")
"""The primary camera is the first whose name holds the earliest of these words: cameras that look at the whole scene
from outside the arm. Without any, the first that is not on the wrist; without that, the first."""

_ON_THE_ARM = ("wrist", "hand")


def primary_camera(names: Iterable[str], wanted: str | None = None) -> str:
    """The primary camera among `names`, in the dataset's order; raises UsageError where `wanted` is not among them."""
    cameras = list(names)
    if wanted is not None:
        if wanted not in cameras:
            raise unknown_name("camera", wanted, cameras)
        return wanted
    for word in PREFERENCE:
        for camera in cameras:
            if word in camera.lower():
                return camera
    off_the_arm = [camera for camera in cameras if not any(word in camera.lower() for word in _ON_THE_ARM)]
    return (off_the_arm or cameras)[0]


def image_columns(names: Iterable[str], primary: str) -> dict[str, str]:
    """Column by camera: `image` for the primary one, `image_<name>` for the others, unique and in plain letters."""
    columns = {primary: PRIMARY_CAMERA}
    for name in names:
        if name == primary:
            continue
        column = f"{PRIMARY_CAMERA}_{re.sub(r'[^A-Za-z0-9]+', '_', name).strip('_').lower()}"
        while column in columns.values():
            column += "_"
        columns[name] = column
    return columns
