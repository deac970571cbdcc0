"""Pictures (H, W, 3) uint8 RGB as JPEG, and their resizing. The bytes depend on the picture and the quality alone."""

from __future__ import annotations

import cv2
import numpy as np

from humandata.arrays import Image
from humandata.errors import InputError

_GREY = {
    1: cv2.IMREAD_GRAYSCALE,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
}


def encode_jpeg(image: Image, quality: int = 90) -> bytes:
    """JPEG bytes of an RGB picture (H, W, 3); quality from 1 to 100, chroma at half resolution (4:2:0)."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"expected (H, W, 3) uint8, got {image.shape} {image.dtype}")
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return encoded.tobytes()


def decode_image(data: bytes) -> Image:
    """The RGB picture (H, W, 3) in JPEG or PNG bytes; alpha is dropped, grey becomes colour.

    Raises:
        InputError: the bytes are no picture.
    """
    image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR_RGB) if data else None
    if image is None:
        raise InputError(f"{len(data)} bytes that are no JPEG or PNG picture")
    return np.asarray(image, dtype=np.uint8)


def decode_grey(data: bytes, reduction: int = 1) -> Image:
    """The picture as (H / reduction, W / reduction) uint8 grey; 2, 4 or 8 cost a JPEG a fraction of 1.

    Raises:
        InputError: the bytes are no picture.
    """
    flag = _GREY[reduction]
    image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), flag) if data else None
    if image is None:
        raise InputError(f"{len(data)} bytes that are no JPEG or PNG picture")
    return np.asarray(image, dtype=np.uint8)


def resize(image: Image, width: int, height: int) -> Image:
    """The picture (H, W, 3) at another size: area average when it shrinks, linear when it grows."""
    if image.shape[:2] == (height, width):
        return image
    shrinks = width <= image.shape[1] and height <= image.shape[0]
    resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(resized, dtype=np.uint8)
