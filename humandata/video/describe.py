"""What a video file says of itself. Runs within the fences (`helper_program`), on a file that is already open."""

from __future__ import annotations

from fractions import Fraction
from typing import BinaryIO

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import ColorTrc
from av.video.stream import VideoStream

from humandata.errors import InputError
from humandata.video.fence import allow_memory
from humandata.video.handed_file import open_container
from humandata.video.probe import VideoInfo
from humandata.video.quicktime import track_metadata
from humandata.video.safety import MAX_PIXELS, looks_like_text

_MAX_PROBED_PACKETS = 300
"""Ten seconds of video at 30 Hz: what may be damaged at the start before a file counts as undecodable."""

_HEAD_BYTES = 512


def describe(file: BinaryIO, name: str) -> VideoInfo:
    """Decode the first frame of a file and report what the file is; raises InputError, without the file's name."""
    head = file.read(_HEAD_BYTES)
    try:
        with open_container(file, name) as container:
            return _describe(container, file)
    except av.error.FFmpegError as error:
        raise InputError(_reason(head, error)) from error


def _describe(container: InputContainer, file: BinaryIO) -> VideoInfo:
    streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not streams:
        kinds = sorted({stream.type for stream in container.streams if stream.type != "video"})
        raise InputError(f"no video stream (the file holds {', '.join(kinds) or 'no stream at all'})")
    stream = streams[0]
    # A stream whose codec FFmpeg was built without has no codec context, whatever its annotation says.
    if getattr(stream, "codec_context", None) is None:
        raise InputError("no decoder for its video codec; convert it to H.264 with ffmpeg")
    if not 0 < stream.width * stream.height <= MAX_PIXELS:  # FFmpeg sets a size that it refused to zero
        raise InputError(f"states no picture size, or one above the {MAX_PIXELS:,} pixels accepted")
    allow_memory(stream.width * stream.height)
    frame = _first_frame(container, stream)
    if frame is None:
        raise InputError(f"no frame can be decoded from its {stream.codec_context.name} video")
    start_ns = _nanoseconds(frame.pts, frame.time_base)
    rotation_deg = -frame.rotation % 360
    width, height = _displayed_size(frame, stream.sample_aspect_ratio, rotation_deg)
    return VideoInfo(
        width=width,
        height=height,
        rotation_deg=rotation_deg,
        average_rate_hz=float(stream.average_rate) if stream.average_rate else None,
        start_ns=start_ns,
        duration_ns=_duration_ns(container, stream, start_ns),
        container=container.format.name,
        codec=stream.codec_context.name,
        pixel_format=frame.format.name,
        color_transfer=_transfer_name(frame.color_trc),
        num_video_streams=len(streams),
        metadata={**track_metadata(file), **container.metadata, **stream.metadata},
    )


def _first_frame(container: InputContainer, stream: VideoStream) -> VideoFrame | None:
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    stream.codec_context.thread_count = 1
    for num_packets, packet in enumerate(container.demux(stream)):
        try:
            frames = packet.decode()
        except av.error.FFmpegError:  # a damaged packet; later ones may be whole
            frames = []
        if frames:
            return frames[0]
        if num_packets >= _MAX_PROBED_PACKETS:
            break
    return None


def _displayed_size(frame: VideoFrame, sample_aspect_ratio: Fraction | None, rotation_deg: int) -> tuple[int, int]:
    width, height = frame.width, frame.height
    # Broken encoders write nonsense ratios; real ones (DV, DVD, anamorphic) lie between 8/9 and 2.
    if sample_aspect_ratio and Fraction(1, 4) <= sample_aspect_ratio <= 4:
        width = max(round(width * sample_aspect_ratio), 1)
    return (height, width) if round(rotation_deg / 90) % 2 else (width, height)


def _duration_ns(container: InputContainer, stream: VideoStream, start_ns: int | None) -> int | None:
    declared_ns = _nanoseconds(stream.duration, stream.time_base)
    if declared_ns is None:
        declared_ns = _nanoseconds(container.duration, Fraction(1, av.time_base))
    if declared_ns is not None and "matroska" in container.format.name:
        # Matroska writes the time at which the video ends, not how long it lasts.
        return max(declared_ns - (start_ns or 0), 0)
    return declared_ns


def _nanoseconds(ticks: int | None, time_base: Fraction | None) -> int | None:
    return None if ticks is None or time_base is None else round(ticks * time_base * 10**9)


def _transfer_name(value: int) -> str:
    return ColorTrc(value).name.lower().replace("_", "-") if value in set(ColorTrc) else "unspecified"


def _reason(head: bytes, error: av.error.FFmpegError) -> str:
    if looks_like_text(head):
        return "holds text, not video"
    if head[4:8] == b"ftyp":
        return "its index is missing (an MP4 or MOV whose recording or copy was cut off, or that is damaged)"
    return f"not a video in a known format ({error.strerror})"
