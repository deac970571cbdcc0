"""Files that a sidecar names beside its video: found in the video's own folder, and nowhere else."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from humandata.errors import InputError


def find_companion(video: Path, name: str) -> Path:
    """The file or folder called `name` in the folder of `video`; raises InputError where it is absent or outside.

    A sidecar comes from whoever made the video: it may not name an absolute path, climb out with `..`, or reach
    outside through a symbolic link.
    """
    parts = PurePosixPath(name.replace("\\", "/"))
    folder = video.parent
    path = folder / parts
    try:
        outside = parts.is_absolute() or ".." in parts.parts or not path.resolve().is_relative_to(folder.resolve())
        exists = path.exists()
    except (OSError, ValueError, RuntimeError) as failure:  # a NUL byte, a name too long, a loop of links
        raise InputError(f"{video}: the sidecar names '{name}', which is no file's name ({failure}).") from None
    if outside:
        raise InputError(f"{video}: the sidecar names '{name}', which lies outside the video's folder. Move it there.")
    if not exists:
        raise InputError(f"{video}: the sidecar names '{name}', which is not in {folder}.")
    return path
