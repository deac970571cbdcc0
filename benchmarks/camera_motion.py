"""Does `auto` know a camera that moves, and what is left of the head's motion in hands that are at rest?

    python benchmarks/camera_motion.py [--quick] [--json]

First part: clips of a still and of a swaying head camera, of seeds that no threshold was chosen on, judged by their
background; hands are found, and masked, by the detector.

Second part: hands at rest under a head that sways, extracted three times: with the true poses in the sidecar, by
structure from motion, and with the camera taken to be at rest, which is what a script without camera motion does. Told
is how far the end effectors seem to move, which should be nothing: their median speed, and the median distance between
places a second apart.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from humandata.dataset.read import open_source
from humandata.pipelines.extract import extract
from humandata.pipelines.recipe import load_recipe
from humandata.report.console import print_table
from humandata.schemas.episode import Episode
from humandata.studio.capture import record_clip, render_human_videos
from humandata.studio.clip import Clip, ClipOptions, clip_sidecar, plan_clip
from humandata.studio.human import HandTrack
from humandata.studio.scene import PlaceTask

SEED = 70_031
"""Not one that thresholds were chosen on."""
TASK = PlaceTask("red", "left")
EVERYTHING = ["filters={}", "track.segment.max_gap_s=10"]


def false_rates(root: Path, num_clips: int) -> dict[str, Any]:
    """How often a still camera is called moving, and a moving one still, in half of the clips each."""
    result: dict[str, Any] = {}
    for moving in (False, True):
        name = "moving" if moving else "still"
        options = ClipOptions(TASK, moving, frame_rate=10, width=320, height=240, max_duration_s=2.5)
        videos = render_human_videos(root / name, num_clips // 2, SEED + moving, workers=2, options=options)
        for video in videos:
            forget_motion(video)
        # Only the decision is looked at here: what moves is not worked out.
        recipe = load_recipe("default", [*EVERYTHING, "camera.trust.min_placed=1"])
        extract([root / name / "videos"], root / name / "shards", recipe, num_workers=1)
        episodes = list(read_episodes(root / name / "shards" / "videos"))
        called_still = [episode.provenance.camera_motion == "static" for episode in episodes]
        wrong = sum(called_still) if moving else len(called_still) - sum(called_still)
        result[name] = {
            "episodes": len(episodes),
            "misjudged": wrong,
            "camera_shift_px": sorted(round(episode.quality["camera_shift_px"], 2) for episode in episodes),
        }
    return result


def hands_at_rest(root: Path, num_clips: int, duration_s: float) -> dict[str, dict[str, float]]:
    """Residual motion of the end effectors by how the camera's motion is known."""
    videos: list[Path] = []
    truth = root / "truth"
    truth.mkdir()
    for number in range(num_clips):
        options = ClipOptions(TASK, True, second_hand=True, frame_rate=15, max_duration_s=duration_s)
        clip = frozen(plan_clip((SEED, 2, number), options))
        videos.append(root / "rest" / f"{number:03d}.mp4")
        videos[-1].parent.mkdir(parents=True, exist_ok=True)
        record_clip(clip, clip_sidecar(clip), videos[-1], truth)
    known = extract_rest(root, "poses", "sidecar")
    for video in videos:
        forget_motion(video)
    return {
        "true poses": known,
        "structure from motion": extract_rest(root, "sfm", "sfm"),
        "taken as at rest": extract_rest(root, "static", "static"),
    }


def extract_rest(root: Path, name: str, motion: str) -> dict[str, float]:
    recipe = load_recipe("default", [*EVERYTHING, f"camera.motion={motion}"])
    extract([root / "rest"], root / name, recipe, num_workers=1)
    episodes = list(read_episodes(root / name / "rest"))
    known = [episode for episode in episodes if episode.world_valid.any()]
    speed = [each for episode in known for each in displacements(episode, 1, per_second=True)]
    second = [each for episode in known for each in displacements(episode, 15)]
    return {
        "episodes": len(episodes),
        "with a known camera": len(known),
        "median speed (mm/s)": 1e3 * float(np.median(speed)) if speed else float("nan"),
        "median displacement over 1 s (mm)": 1e3 * float(np.median(second)) if second else float("nan"),
        **{
            f"median {name}": float(np.median([episode.quality[name] for episode in known]))
            for name in ("camera_placed", "camera_reprojection_px", "camera_scale_sigma")
            if known and all(name in episode.quality for episode in known)
        },
    }


def displacements(episode: Episode, lag: int, per_second: bool = False) -> Iterator[float]:
    """How far each end effector is from where it was `lag` steps before, in metres, or metres a second."""
    seconds = (episode.timestamp_ns[lag:] - episode.timestamp_ns[:-lag]) / 1e9
    for arm in episode.arms.values():
        position = arm.T_world_ee[:, :3, 3]
        moved = np.linalg.norm(position[lag:] - position[:-lag], axis=-1) / (seconds if per_second else 1.0)
        yield from moved[np.isfinite(moved)].tolist()


def frozen(clip: Clip) -> Clip:
    """The clip with its hands, and what they move, as they are at first."""

    def held(values: NDArray[Any]) -> NDArray[Any]:
        return np.repeat(values[:1], len(values), axis=0)

    def still(hand: HandTrack) -> HandTrack:
        return replace(
            hand,
            T_hand_bone=held(hand.T_hand_bone),
            T_world_hand=held(hand.T_world_hand),
            landmarks_world=held(hand.landmarks_world),
        )

    return replace(clip, T_world_block=held(clip.T_world_block), hands=tuple(still(hand) for hand in clip.hands))


def forget_motion(video: Path) -> None:
    """Leave the lens and the task in a video's sidecar, and take out how the camera moved."""
    sidecar = json.loads(video.with_suffix(".json").read_text(encoding="utf-8"))
    kept = {key: value for key, value in sidecar.items() if key not in {"camera_motion", "camera_poses"}}
    video.with_suffix(".json").write_text(json.dumps(kept), encoding="utf-8")


def read_episodes(path: Path) -> Iterator[Episode]:
    source = open_source(path)
    for row in source.episodes().to_pylist():
        yield source.read_episode(row["id"], images=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="4 and 1 clips instead of 40 and 6")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        judged = false_rates(root, 4 if arguments.quick else 40)
        rest = hands_at_rest(root, 1 if arguments.quick else 6, 2.0 if arguments.quick else 4.0)
    if arguments.json:
        sys.stdout.write(json.dumps({"auto": judged, "hands_at_rest": rest}, indent=2) + "\n")
        return
    rows = [[name, each["episodes"], each["misjudged"], str(each["camera_shift_px"])] for name, each in judged.items()]
    print_table("auto", ["camera", "episodes", "misjudged", "background's shift (px of 320)"], rows)
    names = list(rest["structure from motion"])
    table = [[name, *(each.get(name, "-") for each in rest.values())] for name in names]
    print_table("hands at rest under a head that sways", ["", *rest], table)


if __name__ == "__main__":
    main()
