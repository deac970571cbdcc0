"""One input of a source, whatever it is."""

from __future__ import annotations

from typing import Protocol


class SourceItem(Protocol):
    """One input of a source, or a part of one."""

    @property
    def input(self) -> str:
        """Its name within the source."""
        ...
