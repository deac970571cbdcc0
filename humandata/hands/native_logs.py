"""Keep the start-up chatter of native libraries, which knows no log level of ours, off the user's screen."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def quiet_native_logs() -> Iterator[None]:
    """Send what is written to the file descriptor of stderr to nowhere; Python's exceptions are not touched."""
    sys.stderr.flush()
    saved = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
