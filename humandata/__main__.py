"""The command itself: `humandata`, or `python -m humandata`. Ctrl-C ends it at any moment without a traceback."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

INTERRUPTED = 130
"""Exit code of a command that was interrupted: 128 and the number of SIGINT, as shells count."""

_AGAIN_AFTER_S = 0.2


def main() -> None:
    """Run the command line. SIGTERM, by which schedulers take a machine back, stops it just as Ctrl-C does."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))  # nothing is begun, so there is nothing to keep
    import typer

    from humandata.cli import app

    command = typer.main.get_command(app)
    interruption = _Interruption()
    sys.excepthook, sys.unraisablehook = interruption.print_exception, interruption.print_unraisable
    signal.signal(signal.SIGALRM, interruption.insist)
    signal.signal(signal.SIGTERM, interruption.ask)
    signal.signal(signal.SIGINT, interruption.ask)
    try:
        command()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        if interruption.asked:
            # All is said and kept. The interpreter's own end would tell of what was left half made, and may forget the
            # exit code.
            atexit._run_exitfuncs()
            sys.stdout.flush()
            os._exit(INTERRUPTED)


class _Interruption:
    """Raises KeyboardInterrupt until somebody deals with it."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self, _number: int, _frame: FrameType | None) -> None:
        """Interrupt: a handler of signals."""
        self.asked = True
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_AFTER_S, _AGAIN_AFTER_S)
        raise KeyboardInterrupt

    def insist(self, _number: int, _frame: FrameType | None) -> None:
        """Interrupt again where it was lost: in a callback from compiled code, or to one who catches everything."""
        handled = sys.exception()
        while handled is not None and not isinstance(handled, KeyboardInterrupt):
            handled = handled.__context__
        if handled is None:
            raise KeyboardInterrupt

    def print_exception(self, kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
        """Compiled code prints what it cannot raise; an interruption is raised again instead."""
        if not self.asked:
            sys.__excepthook__(kind, value, trace)

    def print_unraisable(self, failure: UnraisableHookArgs) -> None:
        """Likewise of callbacks, and of what was interrupted in the making."""
        if not self.asked:
            sys.__unraisablehook__(failure)


if __name__ == "__main__":
    main()
