"""Tables and sentences on stdout, for a person; one place, so that every command looks alike."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from humandata.errors import printable
from humandata.storage import with_urls

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


MAX_WHOLE = 16
"""A column no wider than this is not broken where a terminal is narrow: an episode's id stays one word."""


def print_table(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under a header, if it has any words; numbers are set flush right."""
    named = Text(_harmless(title), style="bold")
    table = Table(title=named, title_justify="left", header_style="bold", show_header=any(header))
    materialised = [list(row) for row in rows]
    for index, name in enumerate(header):
        numeric = bool(materialised) and all(isinstance(row[index], int | float) for row in materialised)
        whole = max(len(spell(cell)) for cell in (name, *(row[index] for row in materialised))) <= MAX_WHOLE
        table.add_column(name, justify="right" if numeric else "left", overflow="fold", no_wrap=whole)
    for row in materialised:
        table.add_row(*(Text(_harmless(spell(cell))) for cell in row))
    _console().print(table)


def print_line(text: str) -> None:
    """Print a sentence as it is, wrapped to the terminal."""
    _console().print(_harmless(text), markup=False, highlight=False)


def print_renderable(renderable: RenderableType) -> None:
    """Print what Rich can render."""
    _console().print(renderable)


def print_json(content: object) -> None:
    """Print one JSON document for a script."""
    sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def spell(value: object) -> str:
    """A number short enough to read; nothing as a dash."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def count(num: int, noun: str) -> str:
    """A number of things, in words."""
    return f"{num} {noun}" if num == 1 else f"{num} {noun}s"


def duration(seconds: float) -> str:
    """A length of time in the unit that suits it."""
    for unit, length_s in (("h", 3600.0), ("min", 60.0)):
        if seconds >= length_s:
            return f"{seconds / length_s:.1f} {unit}"
    return f"{seconds:.0f} s"


def size(num_bytes: float) -> str:
    """Bytes in the unit that suits them."""
    return f"{num_bytes / 1e9:.1f} GB" if num_bytes >= 1e9 else f"{max(num_bytes / 1e6, 1.0):.0f} MB"


def failure_line(input_name: str, error: str) -> str:
    """An error with the input's name before it, unless it names the file itself."""
    return error if input_name in error else f"{input_name}: {error}"


def _harmless(text: str) -> str:
    """A text that may hold a stranger's file name: what would steer the terminal is spelled out."""
    return with_urls(printable(text)).translate(_CONTROLS)


def _console() -> Console:
    # Not a terminal: a table as wide as it needs to be, which a log keeps whole.
    return Console() if sys.stdout.isatty() else Console(width=160)
