"""Where files lie that can be made or fetched again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """`$HUMANDATA_CACHE`, else `$XDG_CACHE_HOME/humandata`, else `~/.cache/humandata`; it need not exist yet."""
    if own := os.environ.get("HUMANDATA_CACHE"):
        return Path(own).expanduser()
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared) / "humandata"
    return Path.home() / ".cache" / "humandata"
