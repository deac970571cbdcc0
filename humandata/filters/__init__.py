"""Rules that turn a candidate episode away: one file each. A verdict is None, to keep it, or `Rejected`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from humandata.errors import UsageError, unknown_name
from humandata.schemas.documents import parse_document

if TYPE_CHECKING:
    from humandata.filters.filter import Candidate, Filter, Rejected

FILTERS: dict[str, str] = {
    "angular_speed": "humandata.filters.angular_speed:AngularSpeed",
    "border": "humandata.filters.border:Border",
    "confidence": "humandata.filters.confidence:Confidence",
    "coverage": "humandata.filters.coverage:Coverage",
    "duration": "humandata.filters.duration:Duration",
    "hand_size": "humandata.filters.hand_size:HandSize",
    "speed": "humandata.filters.speed:Speed",
}


def make_filters(settings: Mapping[str, Mapping[str, Any]]) -> list[Filter]:
    """The filters of a recipe's section `filters`: settings by the filter's name, `{}` for its defaults.

    In the order of the registry, whatever that of the recipe. A filter that is not named is not applied.

    Raises:
        UsageError: an unknown filter or setting, or a value out of range.
    """
    for name in settings:
        if name not in FILTERS:
            raise unknown_name("filter", name, FILTERS)
    return [
        parse_document(_load(location), settings[name], f"filter '{name}'", UsageError)
        for name, location in FILTERS.items()
        if name in settings
    ]


def setting_names(name: str) -> list[str]:
    """What can be set of a filter, by its name; nothing where a recipe sets no such rule (`no_hands`)."""
    return list(_load(FILTERS[name]).model_fields) if name in FILTERS else []


def judge(candidate: Candidate, filters: Sequence[Filter]) -> Rejected | None:
    """The first rule that turns the candidate away, or None to keep it."""
    return next((verdict for rule in filters if (verdict := rule.judge(candidate)) is not None), None)


def _load(location: str) -> type[Filter]:
    module, attribute = location.split(":")
    loaded: type[Filter] = getattr(import_module(module), attribute)
    return loaded
