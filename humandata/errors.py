"""What can go wrong, in words a user can act on.

A message says what was wrong, where, and what to do or which choices are valid. The command line prints it without a
traceback; a pipeline writes it into the quarantine record of the input that caused it.
"""

from __future__ import annotations

import difflib
import errno
import shlex
from collections.abc import Iterable
from pathlib import Path

MOST_NAMES = 20
"""Valid names that a message lists; a source may hold thousands of episodes."""


class HumandataError(Exception):
    """Base of every error a user can cause and mend."""


class UsageError(HumandataError):
    """A wrong argument, option, recipe key or manifest field (exit code 2)."""


class InputError(HumandataError):
    """An input file that cannot be used: broken, unsafe, or of an unknown format."""


class DatasetError(HumandataError):
    """A shard folder or a mixture that does not hold what its records say."""


class OutputError(DatasetError):
    """A folder that cannot be written, or a disk that is full: no input's fault, so the whole job stops."""


class StorageError(OutputError):
    """An object store that cannot be reached, or refuses: no input's fault, so the whole job stops."""


class MissingDependencyError(HumandataError):
    """A package, model file or system library is absent; the message holds the line that installs it."""


def cannot_be_written(path: Path, failure: OSError) -> OutputError:
    """Build the error for a file or folder that the system refuses to write."""
    advice = "Free space" if failure.errno in {errno.ENOSPC, errno.EDQUOT} else "Make it writable"
    return OutputError(
        f"{path}: cannot be written ({failure.strerror}). {advice}, or choose another folder with --out."
    )


def printable(text: str) -> str:
    """A text that may hold a file's name: bytes of it that are no UTF-8, which nothing can write, as `\\udce9`."""
    return text.encode("utf-8", "backslashreplace").decode()


def unknown_name(kind: str, name: str, choices: Iterable[str]) -> UsageError:
    """Build the error for a name that is not among the valid ones, with the nearest valid name as a suggestion."""
    valid = sorted(choices)
    if not valid:
        return UsageError(f"unknown {kind} '{name}'. There is none.")
    near = difflib.get_close_matches(name, valid, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    more = f", and {len(valid) - MOST_NAMES} more" if len(valid) > MOST_NAMES else ""
    return UsageError(f"unknown {kind} '{name}'.{hint} Valid: {', '.join(valid[:MOST_NAMES])}{more}.")


def typed(path: Path) -> str:
    """A path within a command that a message names: as a shell takes it, with a space in it or not."""
    return shlex.quote(str(path))
