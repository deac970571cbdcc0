"""What the suite is made of: twelve situations hands get into before a head camera, each a function of a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from humandata.schemas.landmarks import SIDES, Side
from humandata.schemas.sidecar import Sidecar
from humandata.studio.clip import Clip, ClipOptions, clip_sidecar, plan_clip
from humandata.studio.gesture_clip import plan_gesture_clip
from humandata.studio.gestures import Gesture
from humandata.studio.scene import BLOCK_COLORS, PlaceTask

Seed = tuple[int, ...]
Take = tuple[Clip, Sidecar]
Planner = Callable[[Seed, int, float], Take]
"""A seed, the number of the person and the length in seconds -> a clip and what the demonstrator says of it."""

FRAME_RATE = 15
"""Frames a second: as many as `extract` stores, so that every one is compared."""
FOCAL_ERROR = 0.10


def static(seed: Seed, number: int, duration_s: float) -> Take:
    """Hands that reach, turn and pinch before a camera that stands still."""
    supination = float(np.random.default_rng([*seed, 1]).uniform(-0.1, 1.1))
    return _gesture(seed, number, duration_s, Gesture(supination_rad=supination))


def moving_head(seed: Seed, number: int, duration_s: float) -> Take:
    """The same while the head turns and leans, its path known to the sidecar."""
    clip, _ = _gesture(seed, number, duration_s, Gesture(), moving_camera=True)
    clip = _looking_about(clip)
    return clip, clip_sidecar(clip)


def fast(seed: Seed, number: int, duration_s: float) -> Take:
    """Quick reaches, smeared by the shutter."""
    return _gesture(seed, number, duration_s, Gesture(reach_m=(0.13, 0.08, 0.06), tempo_hz=1.3))


def far(seed: Seed, number: int, duration_s: float) -> Take:
    """A camera more than twice as far away as a head."""
    clip, _ = _gesture(seed, number, duration_s, Gesture(reach_m=(0.10, 0.06, 0.06)))
    target = clip.head.target_m + [0.24, 0.0, 0.0]
    return _seen_from(clip, eye_m=target + 2.0 * (clip.head.eye_m - clip.head.target_m), target_m=target)


def foreshortened(seed: Seed, number: int, duration_s: float) -> Take:
    """Arms that come from near the camera and point away from it."""
    gesture = Gesture(
        centre_m=(0.02, -0.10, 0.14),
        reach_m=(0.05, 0.04, 0.04),
        turn_rad=(0.2, 0.35, 0.4),
        curl_rad=(-0.5, 0.2),
        elbow_m=(-0.42, -0.22, 0.32),
    )
    return _gesture(seed, number, duration_s, gesture)


def object_in_hand(seed: Seed, number: int, duration_s: float) -> Take:
    """A block is grasped, carried and put into a bin."""
    color = list(BLOCK_COLORS)[number % len(BLOCK_COLORS)]
    options = ClipOptions(
        PlaceTask(color, SIDES[number % 2]),
        moving_camera=False,
        second_hand=number % 4 >= 2,
        frame_rate=FRAME_RATE,
        max_duration_s=1.4 * duration_s,
    )
    clip = plan_clip(seed, options)
    return clip, clip_sidecar(clip)


def hand_over_hand(seed: Seed, number: int, duration_s: float) -> Take:
    """Two hands that cross and cover each other, left and right of each other in turn."""
    above = Gesture(
        centre_m=(0.0, 0.0, 0.25), reach_m=(0.06, 0.15, 0.015), turn_rad=(0.2, 0.15, 0.3), supination_rad=0.0
    )
    below = replace(above, centre_m=(0.0, 0.0, 0.12))
    side, other = SIDES[number % 2], SIDES[1 - number % 2]
    clip = plan_gesture_clip(seed, {side: above, other: below}, duration_s=duration_s, frame_rate=FRAME_RATE)
    return clip, clip_sidecar(clip)


def leaving_and_entering(seed: Seed, number: int, duration_s: float) -> Take:
    """Hands that go out of the picture and come back."""
    return _gesture(seed, number, duration_s, Gesture(centre_m=(0.0, -0.32, 0.14), reach_m=(0.08, 0.34, 0.04)))


def blur_and_noise(seed: Seed, number: int, duration_s: float) -> Take:
    """Out of focus, and a noisy sensor."""
    clip, sidecar = _gesture(seed, number, duration_s, Gesture())
    rng = np.random.default_rng([*seed, 1])
    look = replace(clip.look, blur_px=float(rng.uniform(1.5, 2.5)), noise_sigma=float(rng.uniform(8.0, 14.0)))
    return replace(clip, look=look), sidecar


def low_light(seed: Seed, number: int, duration_s: float) -> Take:
    """Three stops too dark, with the noise that comes with it."""
    clip, sidecar = _gesture(seed, number, duration_s, Gesture())
    rng = np.random.default_rng([*seed, 1])
    look = replace(
        clip.look, exposure=clip.look.exposure * float(rng.uniform(0.10, 0.16)), noise_sigma=float(rng.uniform(4, 8))
    )
    return replace(clip, look=look), sidecar


def wrong_intrinsics(seed: Seed, number: int, duration_s: float) -> Take:
    """The sidecar's focal length is off by 10 %, one way or the other."""
    clip, sidecar = _gesture(seed, number, duration_s, Gesture())
    assert sidecar.intrinsics is not None
    factor = 1.0 + (FOCAL_ERROR if number % 2 else -FOCAL_ERROR)
    told = sidecar.intrinsics
    told = told.model_copy(update={"fx": told.fx * factor, "fy": told.fy * factor})
    return clip, sidecar.model_copy(update={"intrinsics": told})


def still_hands_moving_head(seed: Seed, number: int, duration_s: float) -> Take:
    """Hands at rest while the head moves, and nobody says that it does."""
    gesture = Gesture(reach_m=(0.0, 0.0, 0.0), turn_rad=(0.0, 0.0, 0.0), aperture_m=(0.07, 0.07), curl_rad=(-0.2, -0.2))
    clip, _ = _gesture(seed, number, duration_s, gesture, moving_camera=True)
    clip = _looking_about(clip)
    return clip, clip_sidecar(clip).model_copy(update={"camera_motion": None, "camera_poses": None})


SCENARIOS: dict[str, Planner] = {
    planner.__name__: planner
    for planner in (
        static,
        moving_head,
        fast,
        far,
        foreshortened,
        object_in_hand,
        hand_over_hand,
        leaving_and_entering,
        blur_and_noise,
        low_light,
        wrong_intrinsics,
        still_hands_moving_head,
    )
}


def _gesture(seed: Seed, number: int, duration_s: float, gesture: Gesture, moving_camera: bool = False) -> Take:
    """Both hands for every second person; one hand for the others, left and right in turn."""
    sides: tuple[Side, ...] = SIDES if number % 2 == 0 else (SIDES[number // 2 % 2],)
    clip = plan_gesture_clip(
        seed,
        dict.fromkeys(sides, gesture),
        moving_camera=moving_camera,
        duration_s=duration_s,
        frame_rate=FRAME_RATE,
    )
    return clip, clip_sidecar(clip)


def _looking_about(clip: Clip) -> Clip:
    """A head that moves four times as much as one that watches its hands."""
    head = replace(clip.head, shift_m=4.0 * clip.head.shift_m, turn_rad=4.0 * clip.head.turn_rad)
    return replace(clip, head=head, T_world_camera=head.at(clip.time_s))


def _seen_from(clip: Clip, eye_m: np.ndarray, target_m: np.ndarray) -> Take:
    head = replace(clip.head, eye_m=eye_m, target_m=target_m)
    clip = replace(clip, head=head, T_world_camera=head.at(clip.time_s))
    return clip, clip_sidecar(clip)
