"""Options as they are typed: `SOURCE=X`."""

from __future__ import annotations

import math
from collections.abc import Iterable

from humandata.errors import UsageError


def parse_assignments(option: str, texts: Iterable[str]) -> dict[str, float]:
    """Numbers by source of `SOURCE=X` texts given to `option`; raises UsageError where one is not of that form."""
    values = {}
    for text in texts:
        name, equals, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not equals or not name or not math.isfinite(value):
            raise UsageError(f"{option} {text}: expected SOURCE=NUMBER, such as {option} videos=1.5.")
        values[name] = value
    return values
