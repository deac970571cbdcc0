"""`extract`: folders of human videos become shard sources."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from functools import partial
from itertools import groupby
from pathlib import Path

from humandata.camera_motion.pycolmap_package import missing_pycolmap, pycolmap_version
from humandata.dataset.records import InputRecord
from humandata.errors import UsageError
from humandata.filters import make_filters
from humandata.hands import make_estimator
from humandata.pipelines.estimate import refuse_full_disk
from humandata.pipelines.extract_stage import ExtractStage, PartsStage
from humandata.pipelines.long_videos import VideoStages
from humandata.pipelines.recipe import Recipe, recipe_record
from humandata.pipelines.runner import Runner, open_runner
from humandata.pipelines.source_item import InputCheck
from humandata.pipelines.source_job import (
    SourcePlan,
    SourceSpec,
    SourceSummary,
    pending_items,
    run_source_job,
    source_spec,
)
from humandata.pipelines.video_item import VideoItem, companions, identify, on_this_machine, size_and_time, video_item
from humandata.video.files import find_videos
from humandata.video.remote import mirror_videos

_LOG = logging.getLogger(__name__)


def plan_extract(
    paths: Sequence[Path], out: Path, recipe: Recipe, name: str | None = None
) -> list[SourcePlan[VideoItem]]:
    """What `extract` would do, writing nothing but the hand model into the cache where it is missing.

    Each folder given becomes a source of that name; videos given singly go by the folder they lie in. A video that the
    sidecar of another one names (a second view, depth) is part of that one and no input of its own. Raises UsageError
    where two sources would get one name or a filter is not known, MissingDependencyError where the hand model cannot be
    had, or pycolmap, where the recipe asks for structure from motion.
    """
    make_filters(recipe.filters)  # workers make them; a misspelt rule is told before anything is begun
    places, mirrors = mirror_videos(paths)
    listing = find_videos(places)
    for folder in listing.unreadable:
        _LOG.warning("%s: cannot be read, so videos in it are left out. Make it readable if there are any.", folder)
    estimator = make_estimator(recipe.detect)
    record = recipe_record(
        "extract",
        recipe,
        estimator=f"{estimator.name} {estimator.version}",
        weights_sha256=estimator.weights_sha256,
        **_camera_tools(recipe),
    )
    plans: dict[str, SourcePlan[VideoItem]] = {}
    for root, videos in groupby(listing.files, key=lambda video: video.root):
        source_name = name or root.name
        if source_name in plans:
            raise UsageError(
                f"{root}: a second source would be called '{source_name}'. Extract one folder at a time, with --name."
            )
        spec = source_spec(out, source_name, "human_video", "video", record)
        found = [video_item(video, mirrors.get(root)) for video in videos]
        parts = {os.path.realpath(path) for item in found for path in companions(item)}
        items = [item for item in found if os.path.realpath(item.path) not in parts]
        plans[source_name] = SourcePlan(spec, items, pending_items(spec, items, VIDEO_CHECK))
    return list(plans.values())


def extract(
    paths: Sequence[Path],
    out: Path,
    recipe: Recipe,
    name: str | None = None,
    num_workers: int | None = None,
    address: str | None = None,
    gpus_per_worker: float = 0.0,
) -> list[SourceSummary]:
    """Extract videos into `out`, one source for each folder given; what is finished already is left alone.

    `num_workers` defaults to the number of cores this process may use, on the Ray cluster at `address` to what it has
    room for. With one worker or one video the work is done in this process; the shards are the same, byte for byte.
    `gpus_per_worker` is what each worker asks Ray for, such as 0.25.

    Raises OutputError where the disk has no room for what the videos will need.
    """
    with open_runner(num_workers, address) as runner:
        return extract_on(runner, paths, out, recipe, name, gpus_per_worker)


def extract_on(
    runner: Runner,
    paths: Sequence[Path],
    out: Path,
    recipe: Recipe,
    name: str | None = None,
    gpus_per_worker: float = 0.0,
) -> list[SourceSummary]:
    """The same with workers that may be at work already, and stay for more."""
    plans = plan_extract(paths, out, recipe, name)
    refuse_full_disk([item for plan in plans for item in plan.pending], out, recipe)
    return [
        run_source_job(
            plan.spec,
            plan.items,
            VIDEO_CHECK,
            "extract",
            partial(_stages(plan.spec, recipe, gpus_per_worker).run, runner),
        )
        for plan in plans
    ]


def _stages(spec: SourceSpec, recipe: Recipe, gpus_per_worker: float) -> VideoStages:
    common = (spec.path.absolute(), recipe, spec.recipe.sha256, gpus_per_worker, spec.mirror)
    return VideoStages(ExtractStage(*common), PartsStage(*common))


def _camera_tools(recipe: Recipe) -> dict[str, str]:
    """What the camera's motion is found with: a path depends on it, as does whether there is one.

    Raises MissingDependencyError where structure from motion is asked for and pycolmap is absent.
    """
    if recipe.camera.motion not in {"auto", "sfm"}:
        return {}
    version = pycolmap_version()
    if version is None and recipe.camera.motion == "sfm":
        raise missing_pycolmap()
    return {"pycolmap": version or "absent"}


def is_unchanged(item: VideoItem, record: InputRecord) -> bool:
    """Whether a video is what it was: by size and time, and where only the time differs by content."""
    size_bytes, mtime_ns = size_and_time(item)
    if size_bytes != record.size_bytes:
        return False
    if mtime_ns == record.mtime_ns:
        return True
    with on_this_machine(item) as here:
        return identify(here).input_sha256 == record.input_sha256


VIDEO_CHECK = InputCheck(size_and_time, is_unchanged)
