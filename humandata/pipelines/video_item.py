"""One video of a source, and what else belongs to it: its sidecar, and the files that the sidecar names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from humandata.camera_motion.declared import find_path_file
from humandata.dataset.files import sha256_file
from humandata.dataset.write import InputIdentity
from humandata.errors import InputError, printable
from humandata.mirror import Mirror
from humandata.schemas.documents import read_document
from humandata.schemas.sidecar import Sidecar
from humandata.video.companions import find_companion
from humandata.video.files import VideoFile
from humandata.video.parts import Ranges
from humandata.video.remote import RemoteFiles, fetched, glimpsed, remote_files
from humandata.video.safety import check_regular, open_regular


@dataclass(frozen=True)
class VideoItem:
    """One video of a source."""

    input: str
    """Path relative to the source's root."""
    path: Path
    sidecar_path: Path | None
    task: str | None
    """The parent folder's name in words, where the video lies in a folder below the source's root."""
    remote: RemoteFiles | None = None
    """The video's files, where they are on an object store; at the paths there are stand-ins then."""


def video_item(video: VideoFile, mirror: Mirror | None = None) -> VideoItem:
    """The item of a video that was found, in a mirror where it is on an object store."""
    folder = video.relative_path.parent.name
    words = folder.replace("_", " ").replace("-", " ").strip()
    name = printable(video.relative_path.as_posix())
    item = VideoItem(name, video.path, video.sidecar_path, printable(words) or None)
    return replace(item, remote=remote_files(mirror, [item.path, *_files_beside(item)])) if mirror else item


@contextmanager
def on_this_machine(item: VideoItem, ranges: Ranges | None = None) -> Iterator[VideoItem]:
    """The item with all its files on a disk of this machine: where they are on an object store, for as long as this.

    With `ranges` no more of the video is fetched than these, though its size is that of the whole.
    """
    if item.remote is None:
        yield item
        return
    with fetched(item.remote, ranges) as folder:
        path = folder / item.input
        sidecar = path.with_suffix(item.sidecar_path.suffix) if item.sidecar_path else None
        yield replace(item, path=path, sidecar_path=sidecar, remote=None)


def glimpse(item: VideoItem) -> AbstractContextManager[Path]:
    """The video itself, or of one on an object store a file that holds its two ends."""
    return nullcontext(item.path) if item.remote is None else glimpsed(item.remote)


def read_sidecar(item: VideoItem) -> Sidecar:
    """What is said beside the video, with the camera's path where a file of such lies there; raises InputError."""
    sidecar = read_document(Sidecar, item.sidecar_path) if item.sidecar_path else Sidecar()
    if sidecar.camera_path is None and sidecar.camera_poses is None:
        return sidecar.model_copy(update={"camera_path": find_path_file(item.path)})
    return sidecar


def companions(item: VideoItem) -> list[Path]:
    """The files and folders that the sidecar names, where there are such; a wrong sidecar is reported when it is used.

    A second video, or one of depth, is part of this input and none of its own.
    """
    try:
        return [find_companion(item.path, name) for name in read_sidecar(item).companions]
    except InputError:
        return []


def identify(item: VideoItem) -> InputIdentity:
    """What the video and all that belongs to it are now: content, size, time. Reads it all. Raises InputError."""
    open_regular(item.path).close()
    size_bytes, mtime_ns = size_and_time(item)
    try:
        content = sha256_file(item.path)
        for path in _files_beside(item):
            check_regular(path)  # a device has no end, and a pipe waits for who writes into it
            content = hashlib.sha256((content + sha256_file(path)).encode()).hexdigest()
    except OSError as failure:
        raise InputError(f"{item.path}: cannot be read ({failure.strerror}).") from None
    return InputIdentity(item.input, content, size_bytes, mtime_ns)


def size_and_time(item: VideoItem) -> tuple[int, int]:
    """Bytes and modification time in ns of a video and all that belongs to it together."""
    try:
        stats = [path.stat() for path in (item.path, *_files_beside(item))]
    except OSError as failure:
        raise InputError(f"{item.path}: cannot be read ({failure.strerror}).") from None
    return sum(stat.st_size for stat in stats), max(stat.st_mtime_ns for stat in stats)


def _files_beside(item: VideoItem) -> list[Path]:
    """The sidecar and the files it names, those of folders in order of name."""
    files = [] if item.sidecar_path is None else [item.sidecar_path]
    for path in companions(item):
        files += sorted(each for each in path.iterdir() if each.is_file()) if path.is_dir() else [path]
    return files
