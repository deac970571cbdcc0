"""Encoded images of step files on object stores, by way of a cache on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from humandata.dataset.image_places import places_in_run
from humandata.dataset.read import ShardSource
from humandata.mixtures.range_cache import Range, RangeCache


@dataclass(frozen=True)
class RemoteImage:
    """An image, and the run of bytes that it lies in together with those of neighbouring steps."""

    run: Range
    index: int
    """Which of the run's images it is."""
    source: ShardSource
    episode: str
    step: int
    column: str


class RemoteImages:
    """Reads images of many files at once: runs are fetched side by side, and kept."""

    def __init__(self) -> None:
        self._cache = RangeCache()

    def read(self, images: Sequence[RemoteImage]) -> list[bytes | None]:
        """Their bytes, None where a moment has no image.

        InputError or StorageError where a file is gone or the store does not answer.
        """
        return [
            self._cut(content, image)
            for content, image in zip(self._cache.read([image.run for image in images]), images, strict=True)
        ]

    def _cut(self, content: bytes, image: RemoteImage) -> bytes | None:
        places = places_in_run(content)
        if places is None or image.index >= len(places):
            return image.source.read_images(image.episode, [image.step], image.column)[0]
        offset, length = places[image.index]
        return content[offset : offset + length]
