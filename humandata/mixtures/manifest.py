"""The manifest as a file, and the sources it names."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from humandata.dataset.files import write_atomically
from humandata.dataset.read import ShardSource, open_source
from humandata.errors import DatasetError
from humandata.schemas.mixture import Mixture, MixtureSource
from humandata.storage import Store, is_remote


def write_mixture(path: Path, mixture: Mixture) -> None:
    """Write the manifest atomically, laid out for people; one content has one layout."""
    text = json.dumps(mixture.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False)
    rows_of_numbers = re.sub(r"\[\n[^\[\]{}\"]*\n *\]", lambda match: " ".join(match[0].split()), text)
    write_atomically(path, rows_of_numbers.encode() + b"\n")


def relative_path(source: Path, folder: Path) -> str:
    """How a manifest in `folder` names the folder of a source; one on an object store by its URL."""
    if is_remote(source):
        return Store.at(source).url
    try:
        return Path(os.path.relpath(source.resolve(), folder.resolve())).as_posix()
    except ValueError:  # on another drive
        return source.resolve().as_posix()


def open_sources(mixture: Mixture, folder: Path) -> list[ShardSource]:
    """The sources of a manifest that lies in `folder`, in its order.

    Raises DatasetError naming a source that is gone or has changed since the mixture was made.
    """
    return [open_member(member, folder) for member in mixture.sources]


def check_sources(mixture: Mixture, folder: Path) -> None:
    """Raise what `open_sources` raises, without reading the lists of files of sources that are as they were."""
    for member in mixture.sources:
        path = member_folder(member, folder) / "source.json"
        # The fingerprint is the last field of the document, which lists every file of the source before it.
        if is_remote(path) or not path.exists() or not _tail(path).endswith(f'"{member.fingerprint}"'.encode()):
            open_member(member, folder)


def member_folder(member: MixtureSource, folder: Path) -> Path:
    """Where a source of a manifest that lies in `folder` is."""
    return Path(member.path) if is_remote(member.path) else folder / member.path


def open_member(member: MixtureSource, folder: Path) -> ShardSource:
    """One source of a manifest that lies in `folder`; DatasetError where it is gone or has changed."""
    source = reopen_member(member, folder)
    path = source.path
    if source.document.fingerprint != member.fingerprint:
        raise DatasetError(
            f"source '{member.name}' has changed since the mixture was made: the shard changed, {path} now has the "
            f"fingerprint {source.document.fingerprint[:12]}, the mixture has {member.fingerprint[:12]}. Make the "
            "mixture again with `humandata mix`, or bring the old shard back."
        )
    return source


def reopen_member(member: MixtureSource, folder: Path) -> ShardSource:
    """The same source as it is now; DatasetError where it is gone."""
    path = member_folder(member, folder)
    if not is_remote(path) and not path.is_dir():
        raise DatasetError(
            f"source '{member.name}' of the mixture is gone: no folder {path}. Bring it back, or make the mixture "
            "again with `humandata mix`."
        )
    return open_source(path)


def _tail(path: Path) -> bytes:
    """The end of a JSON document's last value."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 256))
        return file.read().rstrip().removesuffix(b"}").rstrip()
