"""What is gained by telling more of a video: lens, hand length, a second view, depth maps.

    python benchmarks/optional_truths.py [--quick] [--json]

The same rendered clips are extracted with sidecars that tell more and more; the first row is the floor. The rig
measures as real ones do: depth maps are coarse, noisy and have holes at edges (`humandata.studio.measured_capture`).
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from humandata.bench.metrics import clip_errors, pooled, summarise
from humandata.bench.ours import bench_recipe, extract_suite, stored_hands
from humandata.bench.suite import SuiteClip
from humandata.report.console import print_json, print_line, print_table
from humandata.schemas.sidecar import Sidecar
from humandata.studio.clip import ClipOptions, plan_clip
from humandata.studio.measured_capture import record_measured_clip
from humandata.studio.scene import PlaceTask
from humandata.studio.truth import load_truth

TOLD: dict[str, tuple[str, ...]] = {
    "nothing": (),
    "lens": ("intrinsics",),
    "lens, hand length": ("intrinsics", "hand_length_m"),
    "lens, stereo": ("intrinsics", "stereo"),
    "lens, depth": ("intrinsics", "depth"),
    "all": ("intrinsics", "hand_length_m", "stereo", "depth"),
}
FIGURES: dict[str, tuple[str, float]] = {
    "wrist_m": ("wrist (mm)", 1e3),
    "wrist_p90_m": ("90th percentile (mm)", 1e3),
    "root_relative_m": ("root-relative (mm)", 1e3),
    "ee_rotation_rad": ("EE rotation (deg)", 57.29578),
    "relative_1s_m": ("relative motion over 1 s (mm)", 1e3),
    "recall": ("recall (%)", 100.0),
}


@dataclass(frozen=True)
class Rig:
    """One clip as the rig took it, and the sidecar that tells all of it."""

    clip: SuiteClip
    sidecar: Sidecar


def record(root: Path, num_people: int, duration_s: float) -> list[Rig]:
    rigs = []
    for number in range(num_people):
        clip = SuiteClip("rig", number, root)
        clip.video.parent.mkdir(parents=True, exist_ok=True)
        clip.truth.parent.mkdir(parents=True, exist_ok=True)
        options = ClipOptions(PlaceTask("red", "left"), False, True, frame_rate=15, max_duration_s=duration_s)
        rigs.append(Rig(clip, record_measured_clip(plan_clip((97, number), options), clip.video, clip.truth.parent)))
    return rigs


def measure(rigs: Sequence[Rig], told: Sequence[str], shards: Path) -> dict[str, float | None]:
    """The figures of extraction with sidecars that tell only the named fields, and that the camera stood still."""
    for rig in rigs:
        content = rig.sidecar.model_dump(include={"camera_motion", *told})
        text = Sidecar.model_validate(content).model_dump_json(exclude_none=True)
        rig.clip.video.with_suffix(".json").write_text(text)
    source = extract_suite([rig.clip for rig in rigs], shards, bench_recipe())
    samples = []
    for rig in rigs:  # two hands each, one of them moving
        truth = load_truth(rig.clip.truth)
        samples.append(clip_errors(truth, stored_hands(source, rig.clip, truth.timestamp_ns)))
    return summarise(pooled(samples))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short clip")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="humandata-rig-"))
    try:
        rigs = record(folder, *((1, 1.3) if arguments.quick else (5, 2.0)))
        figures = {name: measure(rigs, told, folder / "shards" / str(i)) for i, (name, told) in enumerate(TOLD.items())}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if arguments.json:
        print_json(figures)
        return
    rows = [
        [name, *(_cell(found[key], factor) for key, (_, factor) in FIGURES.items())] for name, found in figures.items()
    ]
    print_table("told", ["", *(label for label, _ in FIGURES.values())], rows)
    print_line("medians, but for root-relative (mean) and recall")


def _cell(value: float | None, factor: float) -> str:
    return "-" if value is None else f"{value * factor:.1f}"


if __name__ == "__main__":
    main()
