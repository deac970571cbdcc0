"""Options as they are typed: `SOURCE=X`, `SOURCE=GROUP`, `GROUP=0:0.95,100000:0.5`."""

from __future__ import annotations

import math
from collections.abc import Iterable

from pydantic import ValidationError

from humandata.errors import UsageError
from humandata.schemas.mixture import CurriculumPoint


def parse_assignments(option: str, texts: Iterable[str], what: str = "SOURCE") -> dict[str, float]:
    """Numbers by name of `SOURCE=X` texts given to `option`; raises UsageError where one is not of that form."""
    values = {}
    for text in texts:
        name, equals, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not equals or not name or not math.isfinite(value):
            raise UsageError(f"{option} {text}: expected {what}=NUMBER, such as {option} {what.lower()}=0.5.")
        values[name] = value
    return values


def parse_groups(texts: Iterable[str]) -> dict[str, str]:
    """Groups by source of `SOURCE=GROUP` texts; raises UsageError where one is not of that form."""
    groups = {}
    for text in texts:
        source, equals, group = text.rpartition("=")
        if not equals or not source or not group:
            raise UsageError(f"--group {text}: expected SOURCE=GROUP, such as --group 'bridge*=tabletop'.")
        groups[source] = group
    return groups


def parse_curriculum(text: str, default_group: str) -> tuple[str, tuple[CurriculumPoint, ...]]:
    """The group and the points of `[GROUP=]SAMPLE:RATIO,SAMPLE:RATIO,...`; UsageError where it is not of that form."""
    group, equals, points = text.rpartition("=")
    try:
        pairs = [point.split(":") for point in points.split(",")]
        parsed = tuple(CurriculumPoint(sample=int(sample), ratio=float(ratio)) for sample, ratio in pairs)
    except ValueError as failure:
        reason = failure.errors()[0]["msg"] if isinstance(failure, ValidationError) else "points are SAMPLE:RATIO"
        raise UsageError(
            f"--curriculum {text}: {reason}. Expected [GROUP=]SAMPLE:RATIO,SAMPLE:RATIO,..., such as 0:0.95,100000:0.5."
        ) from None
    return (group if equals else default_group), parsed
