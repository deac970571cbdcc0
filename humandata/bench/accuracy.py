"""`bench accuracy`: trajectories beside the truth, ours and the naive script's, on the same clips in the same run."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from humandata.bench.cost import stage_shares
from humandata.bench.estimates import Hands
from humandata.bench.metrics import Samples, clip_errors, pooled, summarise
from humandata.bench.naive import naive_hands
from humandata.bench.ours import bench_recipe, extract_suite, stored_hands
from humandata.bench.suite import Suite, SuiteClip, render_suite
from humandata.geometry.cameras import Camera
from humandata.schemas.documents import read_document
from humandata.schemas.landmarks import SIDES
from humandata.schemas.sidecar import Sidecar
from humandata.studio.truth import Truth, load_truth
from humandata.trajectories.jerk import jerk_m_s3

Summary = dict[str, float | None]


@dataclass(frozen=True)
class Cost:
    """Frames a second of either method in one process, decoding included, and what share of ours each stage takes."""

    ours_frames_per_s: float
    naive_frames_per_s: float
    shares: dict[str, float]


@dataclass(frozen=True)
class Accuracy:
    """Figures by method, see `metrics.FIGURES`: overall, and of each scenario."""

    suite: Suite
    num_frames: int
    overall: dict[str, Summary]
    scenarios: dict[str, dict[str, Summary]]
    true_jerk_m_s3: float | None
    """The median of the true motion's jerk, to read `jerk_m_s3` by."""
    cost: Cost

    def as_json(self) -> dict[str, Any]:
        """The same as plain dicts."""
        return asdict(self)


def measure_accuracy(
    suite: Suite,
    root: Path | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Accuracy:
    """Render the suite where it is not cached (see `render_suite`), run both methods, and compare with the truth."""
    clips = render_suite(suite, root, workers, progress)
    truths = [load_truth(clip.truth) for clip in clips]
    num_frames = sum(len(truth.timestamp_ns) for truth in truths)
    by_naive, naive_s = _by_naive(clips, truths)
    by_us, ours_s, shares = _by_us(clips, truths)
    samples: dict[str, dict[str, list[Samples]]] = {"ours": defaultdict(list), "naive": defaultdict(list)}
    for method, estimates in (("ours", by_us), ("naive", by_naive)):
        for clip, truth, hands in zip(clips, truths, estimates, strict=True):
            samples[method][clip.scenario].append(clip_errors(truth, hands))
    return Accuracy(
        suite=suite,
        num_frames=num_frames,
        overall={
            method: summarise(pooled([clip for of_scenario in parts.values() for clip in of_scenario]))
            for method, parts in samples.items()
        },
        scenarios={
            name: {method: summarise(pooled(parts[name])) for method, parts in samples.items()}
            for name in suite.scenarios
        },
        true_jerk_m_s3=summarise(pooled([_true_jerk(truth) for truth in truths]))["jerk_m_s3"],
        cost=Cost(num_frames / ours_s, num_frames / naive_s, shares),
    )


def _by_naive(clips: list[SuiteClip], truths: list[Truth]) -> tuple[list[Hands], float]:
    """The naive script's hands of each clip, and the seconds it took."""
    start = time.perf_counter()
    hands = [naive_hands(clip.video, _told_camera(clip, truth)) for clip, truth in zip(clips, truths, strict=True)]
    return hands, time.perf_counter() - start


def _by_us(clips: list[SuiteClip], truths: list[Truth]) -> tuple[list[Hands], float, dict[str, float]]:
    """Our hands of each clip, the seconds that the extraction took, and the shares of its stages."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        with stage_shares() as shares:
            source = extract_suite(clips, Path(folder), bench_recipe())
        seconds = time.perf_counter() - start
        hands = [stored_hands(source, clip, truth.timestamp_ns) for clip, truth in zip(clips, truths, strict=True)]
    return hands, seconds, shares


def _told_camera(clip: SuiteClip, truth: Truth) -> Camera:
    """The camera as the sidecar tells it, right or wrong."""
    told = read_document(Sidecar, clip.video.with_suffix(".json")).intrinsics
    return told.to_camera() if told else truth.camera


def _true_jerk(truth: Truth) -> Samples:
    hands = [truth.hands[side].T_world_ee[:, :3, 3] for side in SIDES]
    return pooled([{"jerk_m_s3": jerk_m_s3(truth.timestamp_ns, positions)} for positions in hands])
