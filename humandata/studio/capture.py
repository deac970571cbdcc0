"""Human videos on disk: MP4s with sidecars, sorted by task, and the truth in a folder of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from humandata.errors import UsageError
from humandata.schemas.landmarks import SIDES
from humandata.studio.clip import Clip, ClipOptions, clip_sidecar, clip_truth, plan_clip, render_clip
from humandata.studio.scene import BLOCK_COLORS, PlaceTask
from humandata.studio.truth import load_truth, save_truth

__all__ = ["capture_clip", "encode_mp4", "load_truth", "render_human_videos"]

TASKS = tuple(PlaceTask(color, side) for color in BLOCK_COLORS for side in SIDES)
Job = tuple[tuple[int, ...], ClipOptions, Path, Path]
"""Arguments of `capture_clip`."""

_X264 = {"preset": "veryfast", "crf": "20", "bf": "0", "threads": "1"}


def render_human_videos(
    out: Path,
    num_videos: int,
    seed: int,
    workers: int = 1,
    options: ClipOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Render demonstrations: `out`/videos/<task>/<nnn>.mp4 and .json beside it, and `out`/truth/<task>/<nnn>.npz.

    Video n is a function of (seed, n, options): the tasks take turns, in an order drawn from the seed, and
    `options.task` is ignored. A video that exists is left alone, so that an interrupted run is taken up again.
    `progress` is told (done, total).

    Returns the videos' paths. Raises UsageError where `out` cannot be written to.
    """
    order = np.random.default_rng([seed, 0]).permutation(len(TASKS))
    base = options or ClipOptions(TASKS[0])
    jobs: list[Job] = []
    for number in range(num_videos):
        chosen = replace(base, task=TASKS[order[number % len(TASKS)]])
        slug = chosen.task.text.replace(" ", "_")
        jobs.append(((seed, 1, number), chosen, out / "videos" / slug / f"{number:03d}.mp4", out / "truth" / slug))
    try:
        for _, _, video, truth_folder in jobs:
            video.parent.mkdir(parents=True, exist_ok=True)
            truth_folder.mkdir(parents=True, exist_ok=True)
    except OSError as failure:
        raise UsageError(
            f"{out}: cannot be written to ({failure.strerror}). Choose another folder with --out."
        ) from None

    missing = [job for job in jobs if not job[2].exists()]
    done = len(jobs) - len(missing)
    if progress:
        progress(done, len(jobs))
    for _ in _run(missing, workers):
        done += 1
        if progress:
            progress(done, len(jobs))
    return [video for _, _, video, _ in jobs]


def capture_clip(seed: int | tuple[int, ...], options: ClipOptions, video: Path, truth_folder: Path) -> Clip:
    """Render one clip to `video`, its sidecar beside it, its truth to `truth_folder` under the same name.

    The video comes last, by renaming, so that where it exists the rest does too.
    """
    clip = plan_clip(seed, options)
    save_truth(clip_truth(clip), truth_folder / f"{video.stem}.npz")
    sidecar = clip_sidecar(clip).model_dump(mode="json", exclude_none=True)
    video.with_suffix(".json").write_text(json.dumps(sidecar, indent=1) + "\n", encoding="utf-8")
    unfinished = video.with_name(f".{video.stem}.partial.mp4")
    encode_mp4(render_clip(clip), options.frame_rate, unfinished)
    unfinished.replace(video)
    return clip


def encode_mp4(frames: Iterable[NDArray[np.uint8]], frame_rate: int, path: Path) -> None:
    """Encode frames (H, W, 3) uint8 RGB as H.264 in an MP4; the same frames give the same bytes."""
    import av

    with av.open(str(path), "w") as container:
        stream = None
        for frame in frames:
            if stream is None:
                stream = container.add_stream("libx264", rate=frame_rate, options=_X264)
                stream.height, stream.width = frame.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.thread_count = 1
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        if stream is not None:
            container.mux(stream.encode(None))


def _run(jobs: list[Job], workers: int) -> Iterator[object]:
    """Capture every job and yield as each is done."""
    if workers <= 1 or len(jobs) <= 1:
        for job in jobs:
            yield capture_clip(*job)
        return
    with ProcessPoolExecutor(min(workers, len(jobs)), get_context("spawn"), _use_one_thread) as pool:
        waiting = [pool.submit(_capture, job) for job in jobs]
        try:
            for future in as_completed(waiting):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _capture(job: Job) -> None:
    capture_clip(*job)


def _use_one_thread() -> None:
    """Each worker is one process on one core."""
    import cv2

    cv2.setNumThreads(1)
