"""A stage for tests of runners."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from humandata.errors import InputError, MissingDependencyError
from humandata.pipelines.stage import Needs


@dataclass
class Doing:
    """Does what an item says, noting each attempt in a folder."""

    folder: Path
    name: str = "doing"
    needs: Needs = field(default_factory=Needs)
    lacks: str | None = None

    def setup(self) -> None:
        if self.lacks:
            raise MissingDependencyError(self.lacks)

    def close(self) -> None:
        pass

    def process(self, item: str) -> str:
        attempts = len(list(self.folder.glob(f"{item}.*")))
        (self.folder / f"{item}.{attempts}").touch()
        if item.startswith("slow"):
            time.sleep(1.0)
        if item == "deadly" or (item.endswith("unlucky") and attempts == 0):
            sys.stderr.write(f"about to die of {item}\n")
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        if item == "wrong":
            raise InputError("wrong: cannot be used")
        if item == "forever":
            (self.folder / "pid").write_text(str(os.getpid()))
            time.sleep(60)
        return item.upper()
