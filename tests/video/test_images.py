from __future__ import annotations

import numpy as np
import pytest

from humandata.errors import InputError
from humandata.video.images import decode_grey, decode_image, encode_jpeg, resize


def smooth_image(height: int = 48, width: int = 64) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 / width, y * 255 / height, np.full((height, width), 40.0)], axis=-1).astype(np.uint8)


def test_a_picture_survives_jpeg_in_rgb_order() -> None:
    image = smooth_image()
    decoded = decode_image(encode_jpeg(image, 95))
    assert decoded.shape == image.shape
    assert np.abs(decoded.astype(int) - image).mean() < 3  # chroma is halved


def test_the_same_picture_gives_the_same_bytes_and_lower_quality_fewer() -> None:
    image = smooth_image()
    assert encode_jpeg(image, 90) == encode_jpeg(image.copy(), 90)
    assert len(encode_jpeg(image, 30)) < len(encode_jpeg(image, 95))


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"not a picture"])
def test_bytes_that_are_no_picture_are_an_input_error(data: bytes) -> None:
    with pytest.raises(InputError, match="no JPEG or PNG"):
        decode_image(data)


@pytest.mark.parametrize("reduction", [1, 2, 4, 8])
def test_a_picture_in_grey_is_as_small_as_it_is_asked_for(reduction: int) -> None:
    image = smooth_image(50, 66)
    grey = decode_grey(encode_jpeg(image, 95), reduction)
    assert grey.shape == (-(-50 // reduction), -(-66 // reduction))
    whole = image.astype(float) @ [0.299, 0.587, 0.114]  # BT.601, as JPEG's brightness is
    cropped = whole[: 50 // 8 * 8, : 66 // 8 * 8]
    averaged = cropped.reshape(48 // reduction, reduction, 64 // reduction, reduction).mean(axis=(1, 3))
    assert np.abs(grey[: averaged.shape[0], : averaged.shape[1]] - averaged).max() < 4  # of 255, by compression


def test_bytes_that_are_no_picture_are_no_grey_one_either() -> None:
    with pytest.raises(InputError, match="no JPEG or PNG"):
        decode_grey(b"not a picture", 2)


def test_shrinking_averages_areas() -> None:
    checkers = np.indices((40, 40)).sum(axis=0) % 2 * np.uint8(200)
    small = resize(np.repeat(checkers[..., None], 3, axis=2).astype(np.uint8), 20, 20)
    assert small.shape == (20, 20, 3)
    assert np.abs(small.astype(int) - 100).max() <= 1
    assert resize(small, 30, 50).shape == (50, 30, 3)


def test_only_rgb_bytes_are_encoded() -> None:
    with pytest.raises(ValueError, match="uint8"):
        encode_jpeg(np.zeros((4, 4, 3), dtype=np.float32))
