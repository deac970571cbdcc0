"""Parts of long videos on an object store: each worker leaves there what it saw, and one fetches all of it."""

from __future__ import annotations

from pathlib import Path

from humandata.mirror import Mirror


def push_part(mirror: Mirror, folder: Path, index: int) -> None:
    """Move the files of a part to the store, the numbers, which prove the pictures whole, last."""
    for path in sorted(folder.glob(f"{index:05d}.*")):  # .jpgs, .npz
        mirror.store.upload(path.relative_to(mirror.path).as_posix(), path)
        path.unlink()


def part_is_stored(mirror: Mirror, folder: Path, index: int) -> bool:
    """Whether a part is on the store, whole."""
    return mirror.store.stat(f"{folder.relative_to(mirror.path).as_posix()}/{index:05d}.npz") is not None


def pull_parts(mirror: Mirror, folder: Path) -> None:
    """Fetch all parts of a video."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in mirror.store.list(f"{folder.relative_to(mirror.path).as_posix()}/"):
        mirror.store.download(name, mirror.path / name)


def delete_parts(mirror: Mirror, folders: Path, of_input: str) -> None:
    """Remove every part of an input, also of what it was before, from the store."""
    below = folders.relative_to(mirror.path).as_posix()
    for name in mirror.store.list(f"{below}/"):
        if name.startswith(f"{below}/{of_input}-"):
            mirror.store.delete(name)
