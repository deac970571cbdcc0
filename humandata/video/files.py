"""Finding the videos that a command was given: files, and folders searched to the bottom."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from humandata.errors import UsageError
from humandata.video.safety import VIDEO_EXTENSIONS


@dataclass(frozen=True)
class VideoFile:
    """A video and where it was found. Nothing has been opened yet: the file may prove broken."""

    path: Path
    root: Path
    """The folder argument it was found under; for a file argument, the folder that holds it."""
    sidecar_path: Path | None
    """`<stem>.json` beside the video, when there is one."""

    @property
    def relative_path(self) -> Path:
        """The path below `root`: the same wherever the folder is mounted."""
        return self.path.relative_to(self.root)


@dataclass(frozen=True)
class VideoListing:
    """What `find_videos` found, and the folders it could not look into."""

    files: tuple[VideoFile, ...]
    unreadable: tuple[Path, ...]


def find_videos(paths: Sequence[Path]) -> VideoListing:
    """List the videos among `paths`, in the order of the arguments and, within a folder, by relative path.

    Folders are searched recursively, through symbolic links too; each folder is visited once, so a loop of links ends.
    Names that begin with a dot are skipped (macOS writes `._clip.mp4` beside `clip.mp4`). A file that is reached
    twice, by a link or by two arguments, is listed once.

    Raises:
        UsageError: no path given, a path that does not exist, a file whose name is not a video's, or a folder without
            any video.
    """
    if not paths:
        raise UsageError("no video given: name at least one video file or a folder of videos")
    files: dict[Path, VideoFile] = {}
    unreadable: list[Path] = []
    for argument in paths:
        path = argument.resolve() if ".." in argument.parts else argument.absolute()
        if path.is_dir():
            found = sorted(_walk(path, unreadable), key=lambda file: file.relative_path.parts)
            if not found:
                refused = "".join(f"; cannot read {folder}" for folder in unreadable)
                raise UsageError(f"{argument}: no video in this folder (looked for {_extensions()}){refused}")
        elif not os.path.lexists(path):
            raise UsageError(f"{argument}: no such file or folder")
        elif not _is_video_name(path.name):
            raise UsageError(f"{argument}: not the name of a video (valid endings: {_extensions()})")
        else:
            found = [_video_file(path, path.parent)]
        for file in found:
            files.setdefault(Path(os.path.realpath(file.path)), file)
    return VideoListing(files=tuple(files.values()), unreadable=tuple(unreadable))


def _walk(root: Path, unreadable: list[Path]) -> Iterator[VideoFile]:
    def note(error: OSError) -> None:
        unreadable.append(Path(error.filename))

    visited: set[str] = set()
    for folder, subfolders, names in os.walk(root, onerror=note, followlinks=True):
        real = os.path.realpath(folder)
        if real in visited:
            subfolders.clear()
            continue
        visited.add(real)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in names:
            if _is_video_name(name):
                yield _video_file(Path(folder, name), root)


def _video_file(path: Path, root: Path) -> VideoFile:
    sidecar = path.with_suffix(".json")
    return VideoFile(path=path, root=root, sidecar_path=sidecar if _is_file(sidecar) else None)


def _is_file(path: Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113  # `is_file` raises where the name is too long, or its folder locked


def _is_video_name(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() in VIDEO_EXTENSIONS


def _extensions() -> str:
    return ", ".join(sorted(VIDEO_EXTENSIONS))
