"""What the speed of extraction is compared with: the script one would write first, and decoding and model alone."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from humandata.arrays import Image, IntArray
from humandata.geometry.cameras import Camera
from humandata.hands.estimator import HandDetection, PictureDetector
from humandata.pipelines.intrinsics import choose_camera
from humandata.pipelines.recipe import Recipe
from humandata.pipelines.sightings import look_closer
from humandata.schemas.sidecar import Sidecar
from humandata.video.decode import decode
from humandata.video.probe import probe

BARRIER_TIMEOUT_S = 600.0


@dataclass(frozen=True)
class Cost:
    """What a piece of work took."""

    seconds: float
    """By the clock on the wall."""
    cpu_s: float
    """Of this process and those below it, all cores together: hardly touched by what else runs on the machine."""

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.seconds + other.seconds, self.cpu_s + other.cpu_s)


class Meter:
    """Measures from its making on."""

    def __init__(self) -> None:
        self._started, self._cpu_s = time.perf_counter(), _cpu_s()

    def read(self) -> Cost:
        """What was spent since."""
        return Cost(time.perf_counter() - self._started, _cpu_s() - self._cpu_s)


def naive_cost(videos: Sequence[Path], recipe: Recipe) -> Cost:
    """Of a script of OpenCV and MediaPipe over the videos: one process, forward only, the same frames.

    Starting the interpreter, importing and loading the model are left out.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_naive, list(videos), recipe).result()


def floor_cost(videos: Sequence[Path], recipe: Recipe, workers: int) -> Cost:
    """Of decoding alone plus the model alone, for each call that the recipe makes, by `workers` processes.

    Each part is done by all processes at once, with nothing else, and counted until the last one is through.
    """
    context = multiprocessing.get_context("spawn")
    shares = [list(videos[number::workers]) for number in range(min(workers, len(videos)))]
    with context.Manager() as manager:
        barrier = manager.Barrier(len(shares))
        with ProcessPoolExecutor(len(shares), context) as pool:
            parts = [pool.submit(_floor, share, recipe, barrier) for share in shares]
            costs = [part.result() for part in parts]
    return sum(
        (
            Cost(max(cost.seconds for cost in phase), sum(cost.cpu_s for cost in phase))
            for phase in zip(*costs, strict=True)
        ),
        Cost(0.0, 0.0),
    )


class PeakMemory:
    """The largest resident memory in MiB of any process below this one, while the context lasts (Linux)."""

    def __init__(self, poll_s: float = 0.05) -> None:
        """A look every `poll_s`, of 3 ms, and one at the end: as long as it lives, a process tells its most."""
        self._poll_s = poll_s
        self.mib = 0.0
        self.mib_of: dict[str, float] = {}
        """The same by the name of the process."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._stop.wait(self._poll_s):
            self._look()

    def _look(self) -> None:
        for name, mib in map(_peak_mib, _children(os.getpid())):
            self.mib = max(self.mib, mib)
            self.mib_of[name] = max(self.mib_of.get(name, 0.0), mib)


def _cpu_s() -> float:
    """CPU seconds of this process, of those below it, and of those among them that have ended."""
    ticks = 0
    for pid in _children(os.getpid()):
        with suppress(OSError):  # it has just ended, and its parent tells its time from now on
            ticks += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]))
    return sum(os.times()[:4]) + ticks / os.sysconf("SC_CLK_TCK")


def _children(parent: int) -> list[int]:
    """Processes below one, of all generations."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):  # it has just ended
            continue
    found, generation = [], {parent}
    while generation := {pid for pid, above in parents.items() if above in generation}:
        found += list(generation)
    return found


def _peak_mib(pid: int) -> tuple[str, float]:
    """Name of a process and the most it ever took."""
    try:
        told = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    except OSError:
        return "", 0.0
    return told["Name"].strip(), int(told["VmHWM"].split()[0]) / 1024 if "VmHWM" in told else 0.0


def _naive(videos: Sequence[Path], recipe: Recipe) -> Cost:
    import cv2
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision

    from humandata.hands.weights import resolve_weights

    options = vision.HandLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(resolve_weights("hand_landmarker", None).path)),
        running_mode=vision.RunningMode.VIDEO,
        num_hands=recipe.detect.num_hands,
    )
    cost = Cost(0.0, 0.0)
    for video in videos:
        landmarker = vision.HandLandmarker.create_from_options(options)
        with landmarker:
            meter = Meter()
            capture = cv2.VideoCapture(str(video))
            rate = capture.get(cv2.CAP_PROP_FPS)
            every = max(1, round(rate / recipe.decode.rate_hz))
            number = 0
            while capture.grab():
                if number % every == 0:
                    _, image = capture.retrieve()
                    scale = min(1.0, recipe.decode.max_side_px / max(image.shape[:2]))
                    image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
                    picture = mediapipe.Image(mediapipe.ImageFormat.SRGB, cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
                    landmarker.detect_for_video(picture, round(1000 * number / rate))
                number += 1
            capture.release()
            cost += meter.read()
    return cost


def _floor(videos: Sequence[Path], recipe: Recipe, barrier: threading.Barrier) -> tuple[Cost, Cost]:
    """Costs of decoding and of the model, of one process's share."""
    import cv2

    from humandata.hands import make_estimator

    cv2.setNumThreads(1)
    estimator = make_estimator(recipe.detect)
    assert isinstance(estimator, PictureDetector)
    estimator.setup()
    list(estimator.track([(0, np.zeros((64, 64, 3), np.uint8))]))  # what loads the first time is no part of it

    def decode_all() -> None:
        for video in videos:
            for _ in _decoded(video, recipe):
                pass

    decoding = _timed_together(decode_all, barrier)
    calls = [_calls(video, recipe, estimator) for video in videos]

    def replay_all() -> None:
        for each in calls:
            each.replay()

    return decoding, _timed_together(replay_all, barrier)


def _timed_together(work: Callable[[], object], barrier: threading.Barrier) -> Cost:
    barrier.wait(BARRIER_TIMEOUT_S)
    meter = Meter()
    work()
    cost = meter.read()
    barrier.wait(BARRIER_TIMEOUT_S)
    return cost


def _decoded(video: Path, recipe: Recipe) -> Generator[tuple[int, Image]]:
    decoding = decode(video, probe(video), max_side=recipe.decode.max_side_px, rate_hz=recipe.decode.rate_hz)
    for frame in decoding:
        yield frame.timestamp_ns, frame.image


class _Calls:
    """Stands in for a detector and remembers what it was asked, to ask it again with nothing else in between."""

    def __init__(self, detector: PictureDetector) -> None:
        self._detector = detector
        self._tracks: list[list[tuple[int, Image]]] = []
        self._crops: list[Image] = []

    def close(self) -> None:
        self._detector.close()

    def track(
        self, frames: Iterable[tuple[int, Image]], camera: Camera | None = None
    ) -> Generator[tuple[HandDetection, ...]]:
        asked: list[tuple[int, Image]] = []
        self._tracks.append(asked)

        def remembered() -> Generator[tuple[int, Image]]:
            for frame in frames:
                asked.append(frame)
                yield frame

        with closing(self._detector.track(remembered(), camera)) as tracked:
            yield from tracked

    def detect(self, image: Image, camera: Camera | None = None) -> tuple[HandDetection, ...]:
        self._crops.append(image)
        return self._detector.detect(image, camera)

    def replay(self) -> None:
        """Make the same calls again."""
        for frames in self._tracks:
            for _ in self._detector.track(frames):
                pass
        with closing(self._detector):
            for image in self._crops:
                self._detector.detect(image)


def _calls(video: Path, recipe: Recipe, detector: PictureDetector) -> _Calls:
    """What the recipe asks of the model about a video."""
    calls = _Calls(detector)
    info = probe(video)
    decoding = decode(video, info, max_side=recipe.decode.max_side_px, rate_hz=recipe.decode.rate_hz)
    camera, _ = choose_camera(video, Sidecar(), info, decoding.width, decoding.height, recipe.camera)
    frames = list(_decoded(video, recipe))
    found = list(calls.track(iter(frames), camera))
    times: IntArray = np.array([timestamp_ns for timestamp_ns, _ in frames], dtype=np.int64)
    look_closer(calls, lambda index: frames[index][1], times, camera, recipe, found)
    return calls
