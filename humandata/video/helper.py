"""A helper process that looks into media files on behalf of this one: it may crash or hang in its place.

One helper runs for each process, from its first question on, and lives as long as it answers. It is handed files that
are already open, and its fences let it open no other and reach no network. What it answers is checked as input is: it
may have been taken over by what it looked into.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import humandata
from humandata.arrays import IntArray
from humandata.errors import HumandataError, InputError
from humandata.video.fence import LIBRARY_FOLDERS, Fence, memory_bytes
from humandata.video.safety import MAX_PIXELS, open_regular

START_TIMEOUT_S = 60.0
ANSWER_TIMEOUT_S = 60.0
"""Until the whole of an answer about one video is there; it takes a hundredth of a second."""

_LEAST_BYTES_PER_S = 5e6
"""Of a slow disk."""

_MAX_HEADER_BYTES = 16 << 20
_MAX_PAYLOAD_BYTES = 8 * MAX_PIXELS
_LIFETIME_CPU_S = 10**8
_NO_THREADS = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""Each thread of these libraries reserves memory, on a large machine more than the helper may have."""


@dataclass(frozen=True)
class Message:
    """A part of an answer."""

    header: dict[str, object]
    payload: bytes


class _Ended(Exception):
    """How the helper ended in the middle of an answer."""


class Helper:
    """A helper process; a context manager that ends it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._received = bytearray()

    def __enter__(self) -> Helper:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def process_id(self) -> int | None:
        """Of the process, while there is one."""
        return None if self._process is None else self._process.pid

    def ask(self, act: str, path: Path, timeout_s: float) -> Generator[Message]:
        """Messages about a file; each must come within the time.

        Raises:
            InputError: the file cannot be opened or used, or the helper crashed or hung over it.
        """
        with open_regular(path) as file:
            if self._process is None:
                self._start()
            assert self._channel is not None
            request = json.dumps({"act": act, "name": path.name}).encode()
            try:
                socket.send_fds(self._channel, [request], [file.fileno()])
                yield from self._answer(path, timeout_s)
            except (_Ended, OSError) as failure:
                self.end()
                told = failure if isinstance(failure, _Ended) else f"stopped ({failure})"
                raise InputError(f"{path}: the program that looked into it {told}") from failure
            except GeneratorExit:  # the rest of the answer is of no interest
                self.end()
                raise

    def end(self) -> None:
        """End the process; the next question starts another."""
        process, channel = self._process, self._channel
        self._process = self._channel = None
        self._received.clear()
        if channel is not None:
            channel.close()
        if process is not None:
            process.kill()
            process.wait()

    def forget(self) -> None:
        """Leave the process to whom it belongs: this is a copy, made by a fork."""
        if self._channel is not None:
            self._channel.close()
        if self._process is not None:
            self._process.returncode = 0  # it is no child of this process, which must not wait for it
        self._process = self._channel = None
        self._received.clear()

    def _answer(self, path: Path, timeout_s: float) -> Generator[Message]:
        while True:
            message = self._receive(timeout_s)
            refused = message.header.get("refused")
            if message.header.get("tired"):
                self.end()
            if refused is not None:
                raise InputError(f"{path}: {refused}")
            if message.header.get("last"):
                return
            yield message

    def _start(self) -> None:
        """Start the process within its fences; without the one around files, where Python does not start with it."""
        for readable in (_python_paths(), ()):
            with tempfile.TemporaryFile() as errors:
                ours, theirs = socket.socketpair()
                fence = Fence(memory_bytes(MAX_PIXELS), _LIFETIME_CPU_S, readable)
                program = [sys.executable, "-P", "-m", "humandata.video.helper_program"]
                paths = [str(Path(humandata.__file__).parents[1]), *(str(Path(entry).absolute()) for entry in sys.path)]
                environment = {**os.environ, **_NO_THREADS, "PYTHONPATH": os.pathsep.join(paths)}
                self._channel = ours
                # In a session of its own: Ctrl-C would otherwise end it in the middle of an answer.
                with theirs:
                    self._process = subprocess.Popen(
                        fence.around(program),
                        stdin=theirs.fileno(),
                        stdout=subprocess.DEVNULL,
                        stderr=errors,
                        start_new_session=True,
                        env=environment,
                    )
                try:
                    self._receive(START_TIMEOUT_S)
                    return
                except _Ended as failure:
                    self.end()
                    errors.seek(0)
                    told = errors.read().decode("utf-8", "replace").strip().splitlines()
                    reason = told[-1] if told else str(failure)
        raise HumandataError(f"the program that looks into videos does not start: {reason}. Try: humandata doctor")

    def _receive(self, timeout_s: float) -> Message:
        until_s = time.monotonic() + timeout_s
        while (end := self._received.find(b"\n")) < 0:
            if len(self._received) > _MAX_HEADER_BYTES:
                raise _Ended("gave no answer that makes sense")
            self._read_more(until_s, 1 << 16, timeout_s)
        try:
            header = json.loads(self._received[:end])
        except (ValueError, RecursionError) as failure:
            raise _Ended("gave no answer that makes sense") from failure
        num_bytes = header.pop("num_bytes", None) if isinstance(header, dict) else None
        if not isinstance(num_bytes, int) or not 0 <= num_bytes <= _MAX_PAYLOAD_BYTES:
            raise _Ended("gave no answer that makes sense")
        del self._received[: end + 1]
        while len(self._received) < num_bytes:
            self._read_more(until_s, num_bytes - len(self._received), timeout_s)
        payload = bytes(self._received[:num_bytes])
        del self._received[:num_bytes]
        return Message(header, payload)

    def _read_more(self, until_s: float, num_bytes: int, timeout_s: float) -> None:
        assert self._channel is not None
        assert self._process is not None
        self._channel.settimeout(max(until_s - time.monotonic(), 0.001))
        try:
            part = self._channel.recv(num_bytes)
        except TimeoutError as failure:
            raise _Ended(f"gave no answer within {timeout_s:g} s") from failure
        if not part:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout_s)
            code = self._process.returncode
            raise _Ended(f"crashed ({signal.Signals(-code).name})" if code and code < 0 else "ended without an answer")
        self._received += part


_helper = Helper()
_lock = threading.Lock()


def ask(act: str, path: Path, timeout_s: float = ANSWER_TIMEOUT_S) -> Message:
    """The one message that this process's helper has about a file.

    What a helper that has looked into other files before cannot do, a fresh one tries again: the answer does not
    depend on what was asked before.

    Raises:
        InputError: the file cannot be opened or used, or a fresh helper crashed or hung over it.
    """
    with _lock:
        was_fresh = _helper.process_id is None
        try:
            return _only(_helper, act, path, timeout_s)
        except InputError:
            if was_fresh or _helper.process_id is not None:
                raise
        return _only(_helper, act, path, timeout_s)


def reading_time_s(path: Path) -> float:
    """How long an answer may take for which the whole of a file is read."""
    try:
        return ANSWER_TIMEOUT_S + path.stat().st_size / _LEAST_BYTES_PER_S
    except OSError:  # which `ask` says in words
        return ANSWER_TIMEOUT_S


def int64_columns(message: Message, num_columns: int) -> IntArray:
    """(num_columns, N): the rows that a helper sends, turned; what is no whole row is left out."""
    row_bytes = 8 * num_columns
    whole = message.payload[: len(message.payload) // row_bytes * row_bytes]
    return np.frombuffer(whole, np.int64).reshape(-1, num_columns).T


def _only(helper: Helper, act: str, path: Path, timeout_s: float) -> Message:
    messages = list(helper.ask(act, path, timeout_s))
    if len(messages) != 1:
        helper.end()
        raise InputError(f"{path}: the program that looked into it gave no answer that makes sense")
    return messages[0]


def _python_paths() -> tuple[Path, ...]:
    """What the interpreter reads to start: itself, its packages and this one."""
    program = Path(sys.executable).resolve().parent.parent
    packages = [Path(humandata.__file__).parents[1], *(Path(entry) for entry in sys.path if entry)]
    return (*LIBRARY_FOLDERS, Path(sys.prefix), Path(sys.base_prefix), program, *packages)


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    _helper.forget()


os.register_at_fork(after_in_child=_after_fork)
