"""The ffmpeg program: the system's where there is one that runs within our fences, else the one of imageio-ffmpeg.

What the shell calls ffmpeg may be a script that starts another program (snap's is), which the fences refuse.
"""

from __future__ import annotations

import shutil
import subprocess
from functools import cache

from humandata.errors import MissingDependencyError
from humandata.video.fence import library_paths


def ffmpeg_executable() -> str:
    """Path of the ffmpeg to run.

    Raises:
        MissingDependencyError: there is none.
    """
    system = shutil.which("ffmpeg")
    if system and library_paths(system) is not None:
        return system
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise MissingDependencyError("no ffmpeg program found; install it: sudo apt-get install ffmpeg") from error


@cache
def can_tone_map(executable: str) -> bool:
    """Whether this ffmpeg has the filters that turn HDR into ordinary colours (zscale needs libzimg)."""
    listing = subprocess.run([executable, "-hide_banner", "-filters"], capture_output=True, text=True, check=False)
    names = {words[1] for line in listing.stdout.splitlines() if len(words := line.split()) > 1}
    return {"zscale", "tonemap"} <= names
