"""A part of a video is decoded from its own bytes as from the whole file."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from humandata.video.decode import Decoding, decode
from humandata.video.part_bytes import with_bytes
from humandata.video.parts import cut_into_parts
from humandata.video.probe import probe

RATE_HZ = 15


def write_noise(path: Path, num_frames: int = 450) -> Path:
    """A video whose frames are all of about one size, with B-frames, and a key frame every second."""
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE_HZ, options={"g": str(RATE_HZ), "bf": "2"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(num_frames):
            noise = rng.integers(0, 255, (48, 64, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def frames(decoding: Decoding) -> list[tuple[int, bytes]]:
    return [(frame.timestamp_ns, frame.image.tobytes()) for frame in decoding]


def test_a_part_needs_few_bytes_and_gives_the_same_frames(tmp_path: Path) -> None:
    whole, holed = write_noise(tmp_path / "whole.mp4"), tmp_path / "holed.mp4"
    content = whole.read_bytes()
    info = probe(whole)
    parts = with_bytes(whole, cut_into_parts(whole, info, RATE_HZ, 5.0, 0.5).parts)
    assert len(parts) == 6
    for part in parts[1:5:3]:
        assert part.byte_ranges is not None
        with holed.open("wb") as file:
            file.truncate(len(content))
            for start, stop in part.byte_ranges:
                file.seek(start)
                file.write(content[start:stop])
        # 6 of 30 seconds, 6 more after them, 4 at the beginning
        assert sum(stop - start for start, stop in part.byte_ranges) < 0.6 * len(content)
        assert probe(holed) == info
        expected = frames(decode(whole, info, rate_hz=RATE_HZ, part=part))
        assert len(expected) >= 5 * RATE_HZ
        assert frames(decode(holed, info, rate_hz=RATE_HZ, part=part)) == expected


@pytest.mark.parametrize("name", ["a.mkv", "fragmented.mp4"])
def test_where_it_is_not_known_the_whole_is_fetched(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    options = {"movflags": "frag_keyframe+empty_moov"} if name.endswith("mp4") else {}
    with (
        av.open(str(write_noise(tmp_path / "source.mp4", 60))) as source,
        av.open(str(path), "w", options=options) as to,
    ):
        stream = to.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                to.mux(packet)
    parts = cut_into_parts(path, probe(path), RATE_HZ, 1.0, 0.1).parts
    assert len(parts) > 1
    assert with_bytes(path, parts) == list(parts)
