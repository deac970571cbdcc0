"""Frames of a video, small and upright, each with the container's own timestamp.

ffmpeg thins, rotates, scales and converts in its own process: only the frames that are wanted are converted, and a
decoder that crashes or hangs on a damaged file takes nothing with it. It writes uncompressed pictures into a NUT
stream, whose packets carry picture and timestamp together: neither can be matched to the wrong other.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import av
import ffmpeg
import numpy as np

from humandata.arrays import Image
from humandata.errors import InputError
from humandata.video.fence import Fence, decoding_time_s, library_paths, memory_bytes
from humandata.video.ffmpeg_program import can_tone_map, ffmpeg_executable
from humandata.video.parts import WHOLE, Part
from humandata.video.probe import VideoInfo
from humandata.video.rates import selection_expression
from humandata.video.safety import OPEN_OPTIONS, media_url

STALL_TIMEOUT_S = 120.0
"""Silence after which a decoder counts as hung: 1 Hz out of an 8K video at 2 frames/s takes a tenth of it."""

_NUM_THREADS = 1
"""With more, a damaged MPEG-4 or H.264 file is concealed differently from run to run (measured). One thread leaves a
rare remainder in H.264, where a lost reference shows memory that was never written; whole files always decode alike."""

_TICKS_PER_S = 1_000_000_000
_NUT_OPTIONS = {"fpsprobesize": "0"}
"""Else PyAV waits for some pictures more before it gives the first, to learn a frame rate that nobody asks for."""

_OFFSET_S = 86_400
"""Added while ffmpeg has the frames, taken off again: it drops the negative times that some files begin with."""

_TELL_LATE = "1+0*if(isnan(t)+lte(t,ld(0)),print(t,16),st(0,t))"
"""Lets every frame pass, and has ffmpeg print, as an error (16), the time of those that `selection_expression` leaves
out because it is not after all that came before."""

_HDR_COLORS = {"color_primaries": "bt2020", "colorspace": "bt2020nc"}
"""What PQ and HLG video is in practice; files often leave it unsaid, and zscale then refuses."""

_HALF_COLOR = frozenset({"yuv420p", "yuvj420p", "nv12"})
"""Formats whose colour has half the picture's size: they are scaled as they are, and become RGB once they are small."""

_TOO_SHORT_NS = 500_000_000
"""A file that ends this much before its declared duration was probably cut off."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture: `image` (H, W, 3) uint8 RGB, at the container's own time `timestamp_ns`."""

    timestamp_ns: int
    image: Image


class EmptyStretchError(InputError):
    """There is no frame in the stretch that was asked for, which is no fault of the file."""


class Decoding:
    """An iteration over the frames of one video; `warnings` is complete when the iteration ends by itself.

    So is `damage`, what ffmpeg complained of while it decoded a part, in words: of the part itself, or of what goes
    before it.

    Each `iter()` decodes anew. ffmpeg runs from the first frame asked for until the iterator is exhausted or closed.
    """

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        max_side: int | None,
        rate_hz: float | None,
        part: Part = WHOLE,
        stall_timeout_s: float = STALL_TIMEOUT_S,
    ) -> None:
        self.path = path
        self.info = info
        self.part = part
        self.width, self.height = fit_size(info.width, info.height, max_side)
        self.rate_hz = rate_hz
        self.stall_timeout_s = stall_timeout_s
        self.warnings: list[str] = []
        self.damage: str | None = None

    def __iter__(self) -> Generator[Frame]:
        self.warnings, self.damage = [], None
        executable = ffmpeg_executable()
        fence = _fence(executable, self.path, self.info)
        command = fence.around(self._command(executable))
        with tempfile.TemporaryFile() as errors:
            # In a session of its own: Ctrl-C would otherwise end ffmpeg early and look like a truncated file.
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
            )
            assert process.stdout is not None
            last_ns = None
            try:
                with contextlib.closing(self._frames(process.stdout, fence.cpu_s)) as frames:
                    for frame in frames:
                        last_ns = frame.timestamp_ns
                        yield frame
                process.wait(self.stall_timeout_s)
            except (_Late, subprocess.TimeoutExpired) as error:
                late = error if isinstance(error, _Late) else f"was silent for {self.stall_timeout_s:g} s"
                raise InputError(f"{self.path}: the decoder {late}") from error
            finally:
                process.kill()
                process.wait()
                process.stdout.close()
            self._conclude(last_ns, process.returncode, _messages(errors))

    def _command(self, executable: str) -> list[str]:
        opened = {**OPEN_OPTIONS, "threads": _NUM_THREADS, "itsoffset": _OFFSET_S}
        if self.part.seek_ns is not None:
            opened |= {"noaccurate_seek": None, "seek_timestamp": 1, "ss": _seconds(self.part.seek_ns)}
        video = ffmpeg.input(media_url(self.path), **opened)["V:0"]
        if self.part == WHOLE:
            video = video.filter("select", _TELL_LATE)
        for bound, time_ns in (("start", self.part.from_ns), ("end", self.part.until_ns)):
            if time_ns is not None:
                video = video.filter("trim", **{bound: _seconds(_shifted(time_ns))})
        origin_s = None if self.info.start_ns is None else _shifted(self.info.start_ns) / _TICKS_PER_S
        video = video.filter("select", selection_expression(self.rate_hz, self.info.average_rate_hz, origin_s))
        if self.info.is_hdr:
            video = video.filter("setparams", color_trc=self.info.color_transfer, **_HDR_COLORS)
        video = video.filter("scale", self.width, self.height, flags="area")
        if self.info.pixel_format in _HALF_COLOR:
            video = video.filter("format", "yuv420p")
        if self.info.is_hdr:
            if can_tone_map(executable):
                video = _tone_mapped(video)
            else:
                self.warnings.append(f"HDR ({self.info.color_transfer}) not tone-mapped: this ffmpeg has no zscale")
        # For NUT, ffmpeg leaves a variable frame rate as it is; the encoder's time base must be fine enough for it.
        stream = video.output(
            "pipe:1",
            format="nut",
            vcodec="rawvideo",
            pix_fmt="rgb24",
            enc_time_base=f"1:{_TICKS_PER_S}",
            map_metadata=-1,
            map_chapters=-1,
        )
        general = ["-nostdin", "-hide_banner", "-loglevel", "repeat+error", "-copyts", "-filter_complex_threads", "1"]
        return [executable, *general, *ffmpeg.get_args(stream)]

    def _frames(self, pipe: IO[bytes], total_s: float) -> Generator[Frame]:
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            source = _TimedPipe(pipe.fileno(), selector, self.stall_timeout_s, total_s)
            try:
                with av.open(source, mode="r", format="nut", options=_NUT_OPTIONS, buffer_size=1 << 20) as nut:
                    for packet in nut.demux(video=0):
                        if packet.pts is None or packet.size != self.width * self.height * 3:
                            continue  # the empty packet that ends the stream, or a picture cut off with the process
                        image = np.frombuffer(memoryview(packet), dtype=np.uint8).reshape(self.height, self.width, 3)
                        yield Frame(timestamp_ns=packet.pts - _shifted(0), image=image)
            except av.error.FFmpegError:
                pass  # the stream broke off with the process, whose messages say why
            if source.failure is not None:
                raise source.failure

    def _conclude(self, last_ns: int | None, return_code: int, messages: list[str]) -> None:
        if return_code == -signal.SIGXCPU:
            raise InputError(f"{self.path}: the decoder used up the processor time that a video of this size may take")
        if return_code < 0:
            raise InputError(f"{self.path}: ffmpeg was ended by signal {-return_code} before the video's end")
        if last_ns is None:
            if return_code == 0 and not messages and (self.part.from_ns, self.part.until_ns) != (None, None):
                raise EmptyStretchError(f"{self.path}: there is no frame in the stretch looked at")
            reason = messages[0] if messages else f"ffmpeg ended with code {return_code}"
            raise InputError(f"{self.path}: no frame could be decoded ({reason})")
        if self.part == WHOLE:
            self.warnings += how_it_ended(self.info, last_ns, self.rate_hz)
            num_late = sum(message.startswith("[Eval] ") for message in messages)
            if num_late:
                self.warnings.append(f"left out: {num_late} frames with no time, or none after the frames before them")
            messages = [message for message in messages if not message.startswith("[Eval] ")]
        if messages or return_code:
            # Sorted: decoder and demuxer are threads of their own, and report in any order.
            shown = "; ".join(sorted(set(messages))[:3]) or f"ffmpeg ended with code {return_code}"
            if self.part == WHOLE:
                self.warnings.append(f"damaged: {shown}")
            else:
                self.damage = f"damaged in {self.part.words}: {shown}"


def how_it_ended(info: VideoInfo, last_ns: int, rate_hz: float | None) -> list[str]:
    """A warning where the last frame, of at most `rate_hz` a second, comes long before the declared end."""
    if info.duration_ns is None:
        return []
    slack_ns = _TOO_SHORT_NS + (0 if rate_hz is None else round(_TICKS_PER_S / rate_hz))
    decoded_ns = last_ns - (info.start_ns or 0)
    if decoded_ns >= info.duration_ns - slack_ns:
        return []
    return [f"truncated: frames end at {decoded_ns / 1e9:.2f} s of {info.duration_ns / 1e9:.2f} s declared"]


def decode(
    path: Path,
    info: VideoInfo,
    *,
    max_side: int | None = None,
    rate_hz: float | None = None,
    part: Part = WHOLE,
    stall_timeout_s: float = STALL_TIMEOUT_S,
) -> Decoding:
    """Decode a video: iterate over the result for `Frame`s with strictly increasing timestamps.

    Args:
        path: the file.
        info: what `probe` said of it.
        max_side: the longer side of the pictures in pixels; never enlarged. None: as large as the video.
        rate_hz: keep at most this many frames a second, chosen by timestamp (`rates.thin`). None: all.
        part: what to look at of a long video; the frames and their times are those of one pass.
        stall_timeout_s: silence after which the decoder counts as hung.

    A truncated or damaged file gives its good frames, and `warnings` then say so. Not those of a part: a decoder that
    starts in the middle complains of what went before it, so that `damage` counts where frames are missing only.

    Raises:
        InputError: (from the iteration) no frame decodes, or the decoder hangs.
        MissingDependencyError: (from the iteration) there is no ffmpeg.
    """
    return Decoding(path, info, max_side, rate_hz, part, stall_timeout_s)


def fit_size(width: int, height: int, max_side: int | None) -> tuple[int, int]:
    """Width and height scaled down to at most `max_side`, each the nearest even number (1 where the source has 1)."""
    scale = min(1.0, max_side / max(width, height)) if max_side is not None else 1.0

    def even(side: int) -> int:
        return min(max(2 * round(side * scale / 2), 2), side if side < 2 else side - side % 2)

    return even(width), even(height)


class _Late(Exception):
    """How a decoder made its reader wait too long."""


class _TimedPipe:
    """A pipe as PyAV reads it, which ends with `_Late` when nothing arrives for too long, or all too slowly."""

    def __init__(
        self, descriptor: int, selector: selectors.BaseSelector, stall_timeout_s: float, total_s: float
    ) -> None:
        self._descriptor = descriptor
        self._selector = selector
        self._stall_timeout_s = stall_timeout_s
        self._total_s = total_s
        self._waited_s = 0.0
        self.failure: _Late | KeyboardInterrupt | None = None
        """What ended the reading. PyAV would print it, or forget it and take the stream to be at its end."""

    def read(self, num_bytes: int) -> bytes:
        """Up to `num_bytes`, empty at the end. Time that the reader itself takes between two reads does not count."""
        try:
            return self._read(num_bytes) if self.failure is None else b""
        except (_Late, KeyboardInterrupt) as failure:
            self.failure = failure
            return b""

    def _read(self, num_bytes: int) -> bytes:
        start_s = time.monotonic()
        if not self._selector.select(self._stall_timeout_s):
            raise _Late(f"was silent for {self._stall_timeout_s:g} s")
        self._waited_s += time.monotonic() - start_s
        if self._waited_s > self._total_s:
            raise _Late(f"took more than {self._total_s:g} s, which a video of this size should not")
        return os.read(self._descriptor, num_bytes)


def _fence(executable: str, path: Path, info: VideoInfo) -> Fence:
    num_pixels = info.width * info.height
    libraries = library_paths(executable)
    return Fence(
        memory_bytes(num_pixels),
        decoding_time_s(num_pixels, info.average_rate_hz, info.duration_ns, path),
        () if libraries is None else (path, *libraries),
    )


def _tone_mapped(video: ffmpeg.nodes.FilterableStream) -> ffmpeg.nodes.FilterableStream:
    """PQ or HLG to BT.709 by way of linear light, with 100 cd/m² as white."""
    linear = video.filter("zscale", t="linear", npl=100).filter("format", "gbrpf32le")
    mapped = linear.filter("zscale", p="bt709").filter("tonemap", "hable", desat=0)
    return mapped.filter("zscale", t="bt709", m="bt709", r="tv").filter("format", "yuv444p")


def _shifted(time_ns: int) -> int:
    """A time of the file as ffmpeg is made to see it."""
    return time_ns + _OFFSET_S * _TICKS_PER_S


def _seconds(time_ns: int) -> str:
    """As options take it, to the microsecond."""
    return f"{time_ns / _TICKS_PER_S:.6f}"


def _messages(errors: IO[bytes]) -> list[str]:
    """What ffmpeg wrote, without the memory addresses that differ from run to run."""
    errors.seek(0)
    text = errors.read(1 << 20).decode("utf-8", errors="replace")
    return [re.sub(r" @ 0x[0-9a-f]+\]", "]", line).strip() for line in text.splitlines() if line.strip()]
