"""Writing pictures: a sheet of frames as PNG, or all of them as MP4."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import cv2
import numpy as np

from humandata.arrays import Image
from humandata.dataset.files import write_atomically

Color = tuple[int, int, int]

AXIS_COLORS: tuple[Color, Color, Color] = ((230, 60, 60), (70, 200, 70), (70, 110, 255))
"""Of an end effector's axes: x (closing) red, y green, z (approach) blue."""


def write_png(image: Image, out: Path) -> None:
    """Write an RGB image (H, W, 3) as PNG."""
    encoded = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1]
    write_atomically(out, bytes(encoded))


def sheet(images: Sequence[Image], num_columns: int) -> Image:
    """Images of one size side by side, row by row; what is left of the last row is dark."""
    height, width = images[0].shape[:2]
    num_rows = -(-len(images) // num_columns)
    page = np.full((num_rows * height, num_columns * width, 3), 24, np.uint8)
    for index, image in enumerate(images):
        row, column = divmod(index, num_columns)
        page[row * height : (row + 1) * height, column * width : (column + 1) * width] = image
    return page


def write_mp4(frames: Iterable[tuple[int, Image]], out: Path) -> None:
    """Write (timestamp_ns, RGB image of one size) as H.264 with those times; an odd row or column is left out."""
    content = BytesIO()
    stream = None
    first_ns = 0
    with av.open(content, "w", format="mp4") as container:
        for timestamp_ns, image in frames:
            if stream is None:
                first_ns = timestamp_ns
                stream = container.add_stream("libx264", rate=30, options={"crf": "20", "preset": "veryfast"})
                stream.width, stream.height = image.shape[1] // 2 * 2, image.shape[0] // 2 * 2
                stream.pix_fmt = "yuv420p"
                stream.codec_context.time_base = Fraction(1, 90_000)
            frame = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(image[: stream.height, : stream.width]), format="rgb24"
            )
            frame.pts, frame.time_base = round((timestamp_ns - first_ns) * 90e-6), Fraction(1, 90_000)
            container.mux(stream.encode(frame))
        if stream is not None:
            container.mux(stream.encode(None))
    write_atomically(out, content.getvalue())
