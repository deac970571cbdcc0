"""Tiny videos with known pictures and ticks: frame i is a flat grey of level 20 + 10 i, its top-left quarter red."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from humandata.video.ffmpeg_program import ffmpeg_executable

MakeVideo = Callable[..., Path]


@pytest.fixture
def make_video(tmp_path: Path) -> MakeVideo:
    def make(
        name: str = "clip.mp4",
        ticks: Sequence[int] = tuple(range(0, 20 * 3000, 3000)),
        *,
        time_base: Fraction = Fraction(1, 90_000),
        size: tuple[int, int] = (64, 48),
        codec: str = "libx264",
        pixel_format: str = "yuv444p",
        rotation_deg: int = 0,
        color_trc: int | None = None,
        options: dict[str, str] | None = None,
    ) -> Path:
        """Write a video with frame i at `ticks[i] * time_base`; `rotation_deg` is the clockwise turn for display."""
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        width, height = size
        with av.open(f"file:{path}", mode="w", options=options or {}) as container:
            stream = cast("VideoStream", container.add_stream(codec, rate=30))
            stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
            stream.time_base = stream.codec_context.time_base = time_base
            stream.codec_context.options = {"crf": "4", "bf": "0"} if codec == "libx264" else {}
            if color_trc is not None:
                stream.codec_context.color_trc = color_trc
            if rotation_deg:
                stream.set_display_rotation(-rotation_deg)
            for index, tick in enumerate(ticks):
                image = np.full((height, width, 3), grey_level(index), dtype=np.uint8)
                image[: height // 2, : width // 2] = (255, 0, 0)
                frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pixel_format)
                frame.pts, frame.time_base = tick, time_base
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return make


def grey_level(index: int) -> int:
    return 20 + 10 * (index % 20)


@pytest.fixture
def run_ffmpeg() -> Callable[..., None]:
    """Run the ffmpeg program, for what PyAV does not write."""

    def run(*arguments: str | Path) -> None:
        command = [ffmpeg_executable(), "-nostdin", "-loglevel", "error", *map(str, arguments)]
        subprocess.run(command, check=True)

    return run
