"""A second camera beside a video that is looked at in parts measures what it measures in one go."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from pathlib import Path

import av
import numpy as np
import pytest
from hand_builders import hand_of

from humandata.arrays import FloatArray, Image
from humandata.geometry.cameras import Camera
from humandata.geometry.transforms import apply, invert
from humandata.hands.estimator import HandDetection
from humandata.pipelines.measured_depth import measure_depth
from humandata.pipelines.recipe import load_recipe
from humandata.schemas.sidecar import Intrinsics, SecondCamera, Sidecar
from humandata.video.decode import decode
from humandata.video.parts import WHOLE, Part, cut_into_parts
from humandata.video.probe import probe

RATE_HZ, NUM_FRAMES = 5, 150
"""Of the first video."""
INTRINSICS = Intrinsics(fx=78.0, fy=78.0, cx=47.5, cy=31.5, width=96, height=64)
CAMERA = Camera(fx=78.0, fy=78.0, cx=47.5, cy=31.5, width=96, height=64)
T_FIRST_SECOND = np.eye(4)
T_FIRST_SECOND[0, 3] = 0.2


def sidecar(num_late: int) -> Sidecar:
    """Of a second camera that was started so many frames after the first one."""
    second = SecondCamera(
        video="second.mp4",
        intrinsics=INTRINSICS,
        position=(0.2, 0.0, 0.0),
        wxyz=(1.0, 0.0, 0.0, 0.0),
        offset_ns=num_late * 10**9 // RATE_HZ,
    )
    return Sidecar(stereo=second)


def hand_at(number: int) -> FloatArray:
    """A hand that goes away from the first camera, 2 mm a frame."""
    return np.asarray(hand_of("right") + [0.0, 0.0, 0.4 + 0.002 * number])


class NumberReader:
    """Sees in the second camera's pictures the hand of the frame whose number they show."""

    def track(
        self, frames: Iterable[tuple[int, Image]], camera: Camera | None = None
    ) -> Generator[tuple[HandDetection, ...]]:
        assert camera is not None
        for _, image in frames:
            bits = image.reshape(64, 8, 12, 3).mean(axis=(0, 2, 3)) > 128
            hand = apply(invert(T_FIRST_SECOND), hand_at(int(np.packbits(bits)[0])))
            yield (HandDetection("right", 0.9, camera.project(hand), hand - hand.mean(axis=0)),)


def write(path: Path, numbers: range) -> None:
    """Eight stripes for the bits of each number, a key frame a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE_HZ, options={"g": "5", "bf": "2"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for number in numbers:
            stripes = np.unpackbits(np.array([number], np.uint8)).repeat(12) * np.uint8(255)
            image = np.broadcast_to(stripes[None, :, None], (64, 96, 3))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")))
        container.mux(stream.encode(None))


def depths(video: Path, told: Sidecar, part: Part) -> dict[int, FloatArray | None]:
    """By the number of the frame, of those that the part answers for."""
    settings = load_recipe("default", [f"decode.rate_hz={RATE_HZ}"]).decode
    looked_at = decode(video, probe(video), max_side=96, rate_hz=RATE_HZ, part=part)
    times = np.array([frame.timestamp_ns for frame in looked_at])
    numbers = np.round(times * RATE_HZ / 1e9).astype(int).tolist()
    hands = [hand_at(number) for number in numbers]
    seen = [(HandDetection("right", 0.9, CAMERA.project(hand), hand - hand.mean(axis=0)),) for hand in hands]
    measured = measure_depth(video, told, CAMERA, times, seen, NumberReader(), settings, part)  # type: ignore[arg-type]
    return {
        number: hand.landmarks_depth_m
        for number, time_ns, (hand,) in zip(numbers, times.tolist(), measured, strict=True)
        if part.answers_for(time_ns)
    }


@pytest.mark.parametrize(
    ("num_late", "num_second"),
    [(2, 130), (2, 96), (2, 60), (70, 60)],
    ids=["ends in", "ends at", "ends before", "late"],
)
def test_parts_measure_what_one_pass_does(tmp_path: Path, num_late: int, num_second: int) -> None:
    video, told = tmp_path / "first.mp4", sidecar(num_late)
    write(video, range(NUM_FRAMES))
    write(tmp_path / "second.mp4", range(num_late, num_late + num_second))
    parts = cut_into_parts(video, probe(video), RATE_HZ, length_s=10.0, overlap_s=0.5).parts
    assert len(parts) == 3
    whole = depths(video, told, WHOLE)
    joined = {number: depth for part in parts for number, depth in depths(video, told, part).items()}
    assert sorted(joined) == sorted(whole) == list(range(NUM_FRAMES))
    for number, depth in whole.items():
        other = joined[number]
        if not num_late <= number < num_late + num_second:
            assert depth is None
            assert other is None
            continue
        assert depth is not None
        assert other is not None
        np.testing.assert_allclose(depth, hand_at(number)[:, 2], atol=1e-6)  # the neighbours' differ by 2 mm
        np.testing.assert_array_equal(other, depth)


def test_the_last_part_seeks_in_the_second_video(tmp_path: Path) -> None:
    video = tmp_path / "first.mp4"
    write(video, range(NUM_FRAMES))
    last = cut_into_parts(video, probe(video), RATE_HZ, length_s=10.0, overlap_s=0.5).parts[-1]
    assert (last.beside(0, 0).seek_ns or 0) > 5e9
