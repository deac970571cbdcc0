"""Human videos on disk: MP4s with sidecars, sorted by task, and the truth in a folder of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from humandata.arrays import BoolArray, Image
from humandata.errors import cannot_be_written
from humandata.schemas.landmarks import SIDES, Side
from humandata.schemas.sidecar import Sidecar
from humandata.studio.clip import Clip, ClipOptions, clip_sidecar, plan_clip, render_clip
from humandata.studio.clip_truth import clip_truth, covered_landmarks
from humandata.studio.jobs import run_jobs
from humandata.studio.render import Rendering
from humandata.studio.scene import BLOCK_COLORS, PlaceTask
from humandata.studio.truth import save_truth

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

    Returns the videos' paths. Raises OutputError where `out` cannot be written.
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
        raise cannot_be_written(out, failure) from None

    missing = [job for job in jobs if not job[2].exists()]
    done = len(jobs) - len(missing)
    if progress:
        progress(done, len(jobs))
    for _ in run_jobs(_capture, missing, workers):
        done += 1
        if progress:
            progress(done, len(jobs))
    return [video for _, _, video, _ in jobs]


def capture_clip(seed: int | tuple[int, ...], options: ClipOptions, video: Path, truth_folder: Path) -> Clip:
    """Plan a clip and record it; see `record_clip`."""
    clip = plan_clip(seed, options)
    record_clip(clip, clip_sidecar(clip), video, truth_folder)
    return clip


def record_clip(
    clip: Clip,
    sidecar: Sidecar,
    video: Path,
    truth_folder: Path,
    also: Callable[[int, Rendering], None] | None = None,
) -> None:
    """Render a clip to `video`, with its sidecar beside it, and its truth to `truth_folder` under the same name.

    `also` is given each frame's number and rendering. The video comes last, by renaming, so that where it exists the
    rest does too.
    """
    covered: list[Mapping[Side, BoolArray]] = []

    def pictures() -> Iterator[Image]:
        for frame, rendering in enumerate(render_clip(clip)):
            covered.append(covered_landmarks(clip, frame, rendering))
            if also is not None:
                also(frame, rendering)
            yield rendering.image

    unfinished = video.with_name(f".{video.stem}.partial.mp4")
    encode_mp4(pictures(), clip.frame_rate, unfinished)
    save_truth(clip_truth(clip, covered), truth_folder / f"{video.stem}.npz")
    content = sidecar.model_dump(mode="json", exclude_none=True)
    video.with_suffix(".json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(video)


def encode_mp4(frames: Iterable[Image], frame_rate: int, path: Path) -> None:
    """Encode frames (H, W, 3) uint8 RGB as H.264 in an MP4, by one thread.

    The same frames nearly always give the same bytes; on a loaded machine x264 was seen to decide otherwise.
    """
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


def _capture(job: Job) -> None:
    capture_clip(*job)
