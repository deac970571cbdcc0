"""The builders of valid documents lie with the tests of what reads them."""

from __future__ import annotations

import sys
from pathlib import Path

for folder in ("camera_motion", "mixtures"):
    sys.path.append(str(Path(__file__).parents[1] / folder))
