"""The command itself: `humandata`, or `python -m humandata`. Ctrl-C ends it at any moment without a traceback."""

from __future__ import annotations

import os
import signal
from types import FrameType

INTERRUPTED = 130
"""Exit code of a command that was interrupted: 128 and the number of SIGINT, as shells count."""


def main() -> None:
    """Run the command line. SIGTERM, by which schedulers take a machine back, stops it just as Ctrl-C does."""
    signal.signal(signal.SIGINT, _leave)
    import typer

    from humandata.cli import app

    command = typer.main.get_command(app)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        command()
    finally:
        # All is said and kept; what is left to interrupt is the interpreter's own end, which would show a traceback.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _leave(_number: int, _frame: FrameType | None) -> None:
    """Nothing is begun yet, so there is nothing to keep."""
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
