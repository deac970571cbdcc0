"""Hand estimators: one file each, behind one protocol."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from humandata.errors import unknown_name

if TYPE_CHECKING:
    from humandata.hands.estimator import DetectSettings, HandEstimator

ESTIMATORS: dict[str, str] = {
    "mediapipe": "humandata.hands.mediapipe_estimator:MediaPipeEstimator",
}


def make_estimator(settings: DetectSettings, weights: Path | None = None) -> HandEstimator:
    """The estimator that the settings name, not yet set up; raises UsageError with the valid names."""
    if settings.estimator not in ESTIMATORS:
        raise unknown_name("estimator", settings.estimator, ESTIMATORS)
    module, attribute = ESTIMATORS[settings.estimator].split(":")
    estimator: HandEstimator = getattr(import_module(module), attribute)(settings, weights)
    return estimator
