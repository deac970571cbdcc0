"""The program behind `helper`: it runs within the fences and looks into files that are handed to it, already open.

It is started with one end of a socket as its standard input. A request is a line of JSON, `{"act", "name"}`, with the
file's descriptor beside it. An answer is any number of messages, each a line of JSON and as many bytes as it says.
"""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import socket
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

from humandata.errors import InputError
from humandata.video.depth_pictures import grey_pictures, packet_times, png_picture
from humandata.video.describe import describe
from humandata.video.fence import allow_memory
from humandata.video.packets import read_index, read_packets

Message = tuple[dict[str, object], bytes]

MAX_REQUEST_BYTES = 1 << 16

_CPU_S = 3600
"""Of one request: a last resort, should whoever asked be gone and the file hold this program for ever."""


def _described(file: BinaryIO, name: str) -> Iterator[Message]:
    yield {"info": dataclasses.asdict(describe(file, name))}, b""


def _times(file: BinaryIO, name: str) -> Iterator[Message]:
    yield {}, packet_times(file, name).tobytes()


def _packets(file: BinaryIO, name: str) -> Iterator[Message]:
    yield {}, read_packets(file, name).tobytes()


def _index(file: BinaryIO, name: str) -> Iterator[Message]:
    tick_ns, entries = read_index(file, name)
    yield {"tick_ns": tick_ns}, entries.tobytes()


def _greys(file: BinaryIO, name: str) -> Iterator[Message]:
    for picture in grey_pictures(file, name):
        yield {"shape": picture.shape, "type": picture.dtype.str}, picture.tobytes()


def _png(file: BinaryIO, _: str) -> Iterator[Message]:
    picture = png_picture(file)
    yield {"shape": picture.shape, "type": picture.dtype.str}, picture.tobytes()


ACTS: dict[str, Callable[[BinaryIO, str], Iterator[Message]]] = {
    "describe": _described,
    "times": _times,
    "packets": _packets,
    "index": _index,
    "greys": _greys,
    "png": _png,
}


def main() -> None:
    """Answer requests until the other end is closed."""
    with socket.socket(fileno=0) as channel:
        _send({"ready": True}, b"")
        while True:
            request, descriptors, _, _ = socket.recv_fds(channel, MAX_REQUEST_BYTES, 1)
            if not request:
                return
            with cast("BinaryIO", open(descriptors[0], "rb", buffering=0)) as file:  # noqa: PTH123  # a descriptor
                _limit()
                _answer(file, **json.loads(request))


def _answer(file: BinaryIO, act: str, name: str) -> None:
    try:
        for header, payload in ACTS[act](file, name):
            _send(header, payload)
        last: dict[str, object] = {}
    except InputError as error:
        last = {"refused": str(error)}
    except MemoryError:
        last = {"refused": "takes more memory to look into than its pictures should", "tired": True}
    except Exception as error:  # what a library makes of a damaged file
        last = {"refused": f"cannot be understood ({type(error).__name__}: {error})"}
    _send({**last, "last": True}, b"")


def _limit() -> None:
    """The least memory to begin with, and the time of one request."""
    allow_memory(0)
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = round(used.ru_utime + used.ru_stime) + _CPU_S
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _send(header: dict[str, object], payload: bytes) -> None:
    """Write one message; `os.write`, since what sends over a socket is refused here."""
    line = json.dumps({**header, "num_bytes": len(payload)}).encode() + b"\n"
    for part in (line, payload):
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(0, rest) :]


if __name__ == "__main__":
    main()
