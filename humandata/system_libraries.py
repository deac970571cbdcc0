"""The shared libraries of the operating system that the wheels of open3d, mediapipe and opencv load.

Needs nothing but the standard library: `python -m humandata.system_libraries` runs before anything is installed.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys

PACKAGES: dict[str, str] = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libGLESv2.so.2": "libgles2",
    "libX11.so.6": "libx11-6",
    "libXext.so.6": "libxext6",
    "libSM.so.6": "libsm6",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libusb-1.0.so.0": "libusb-1.0-0",
    "libudev.so.1": "libudev1",
    "libidn2.so.0": "libidn2-0",
    "libgomp.so.1": "libgomp1",
}
"""Shared library → its package on Debian and Ubuntu. From the NEEDED entries of the wheels' own shared objects."""


def is_loadable(library: str) -> bool:
    """Whether the dynamic loader finds a library, whichever distribution it came from."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def missing_libraries() -> list[str]:
    """The libraries that cannot be loaded; none outside Linux, where the wheels bring what they need."""
    return [library for library in PACKAGES if not is_loadable(library)] if sys.platform == "linux" else []


def mend_line(libraries: list[str]) -> str:
    """The line that installs libraries, for a person to type; empty where nothing is missing."""
    if not libraries:
        return ""
    if shutil.which("apt-get") is None:
        return f"install with this system's package manager: {' '.join(libraries)}"
    sudo = "" if os.geteuid() == 0 else "sudo "
    return " && ".join(f"{sudo}{' '.join(command)}" for command in _apt_commands(libraries))


def main() -> int:
    """Install what is missing where that is possible (root, apt-get); otherwise print the line that does, and fail."""
    missing = missing_libraries()
    if missing and os.geteuid() == 0 and shutil.which("apt-get") is not None:
        for command in _apt_commands(missing):
            print(" ".join(command), flush=True)
            subprocess.run(command, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, check=False)
        missing = missing_libraries()
    if missing:
        print(f"missing system libraries: {', '.join(missing)}\n  {mend_line(missing)}", file=sys.stderr)
    return 1 if missing else 0


def _apt_commands(libraries: list[str]) -> list[list[str]]:
    packages = [PACKAGES[library] for library in libraries]
    return [["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", *packages]]


if __name__ == "__main__":
    sys.exit(main())
