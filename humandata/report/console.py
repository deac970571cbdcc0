"""Tables and sentences on stdout, for a person; one place, so that every command looks alike."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from humandata.errors import printable

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


def print_table(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under a header; numbers are set flush right."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    materialised = [list(row) for row in rows]
    for index, name in enumerate(header):
        numeric = bool(materialised) and all(isinstance(row[index], int | float) for row in materialised)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
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


def _harmless(text: str) -> str:
    """A text that may hold a stranger's file name: what would steer the terminal is spelled out."""
    return printable(text).translate(_CONTROLS)


def _console() -> Console:
    # Not a terminal: a table as wide as it needs to be, which a log keeps whole.
    return Console() if sys.stdout.isatty() else Console(width=160)
