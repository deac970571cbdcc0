"""pycolmap, an extra of its own: whether it is there, and which."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from humandata.errors import MissingDependencyError

PYCOLMAP_INSTALL = "pip install 'humandata[sfm]'"
"""The line that installs it."""


def pycolmap_version() -> str | None:
    """The version that is installed; None where it is not."""
    try:
        return version("pycolmap")
    except PackageNotFoundError:
        return None


def missing_pycolmap() -> MissingDependencyError:
    """The error where structure from motion is wanted and the package is absent."""
    return MissingDependencyError(f"structure from motion needs pycolmap: {PYCOLMAP_INSTALL}")


def import_pycolmap() -> Any:
    """The module, quiet; raises MissingDependencyError."""
    try:
        import pycolmap
    except ImportError:
        raise missing_pycolmap() from None
    pycolmap.logging.minloglevel = 3  # it writes its progress, and what it could not do, to the terminal otherwise
    return pycolmap
