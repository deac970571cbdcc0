"""`python -m humandata.schemas FOLDER` writes the published contracts."""

import sys
from pathlib import Path

from humandata.schemas.publish import publish

for written in publish(Path(sys.argv[1] if len(sys.argv) > 1 else "schemas")):
    sys.stdout.write(f"{written}\n")
