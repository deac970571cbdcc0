"""Hand estimators: one file each, behind one protocol.

One that comes with the package is known by its name. Any other class of the protocol is known by where it is, as
`module:Class`, and is imported from there: so whoever writes a recipe decides what code runs.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from humandata.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from humandata.hands.estimator import DetectSettings, HandEstimator

ESTIMATORS: dict[str, str] = {
    "hamer": "humandata.hands.hamer_estimator:HamerEstimator",
    "mediapipe": "humandata.hands.mediapipe_estimator:MediaPipeEstimator",
}

_REQUIRED = ("name", "memory_bytes", "version", "weights_sha256", "setup", "track")


def make_estimator(settings: DetectSettings, weights: Path | None = None) -> HandEstimator:
    """The estimator that the settings name, not yet set up; raises UsageError where there is none of that name."""
    name = settings.estimator
    if name not in ESTIMATORS and ":" not in name:
        raise unknown_name("estimator", name, [*ESTIMATORS, "module:Class"])
    estimator: HandEstimator = _find_class(ESTIMATORS.get(name, name))(settings, weights)
    return estimator


def _find_class(place: str) -> Callable[[DetectSettings, Path | None], HandEstimator]:
    """The class at `module:Class`; raises UsageError where it is not there or is no estimator."""
    module_name, _, class_name = place.partition(":")
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as failure:
        raise UsageError(
            f"estimator '{place}': no module named '{failure.name}'. Install it, or put its folder on PYTHONPATH."
        ) from None
    found = getattr(module, class_name, None)
    lacks = [each for each in _REQUIRED if not hasattr(found, each)]
    if found is None or lacks:
        what = f"has no {', '.join(lacks)}" if found is not None else f"is not in {module_name}"
        raise UsageError(
            f"estimator '{place}': {class_name or 'the class'} {what}; see humandata.hands.estimator.HandEstimator."
        )
    estimator_class: Callable[[DetectSettings, Path | None], HandEstimator] = found
    return estimator_class
