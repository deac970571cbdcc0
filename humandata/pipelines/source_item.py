"""One input of a source, whatever it is, and how it is told whether it is still what it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from humandata.dataset.records import InputRecord
from humandata.errors import InputError


class SourceItem(Protocol):
    """One input of a source, or a part of one."""

    @property
    def input(self) -> str:
        """Its name within the source."""
        ...


ItemT = TypeVar("ItemT", bound=SourceItem)


@dataclass(frozen=True)
class InputCheck(Generic[ItemT]):
    """How it is told of inputs of one kind whether they are what they were."""

    size_and_time: Callable[[ItemT], tuple[int, int]]
    """Bytes and modification time in ns of all that belongs to it; raises InputError where that cannot be read."""
    is_unchanged: Callable[[ItemT, InputRecord], bool]
    """Whether it is what its record tells of."""

    def stamp(self, item: ItemT) -> tuple[int, int] | None:
        """Its size and time, None where they cannot be told."""
        try:
            return self.size_and_time(item)
        except InputError:
            return None
