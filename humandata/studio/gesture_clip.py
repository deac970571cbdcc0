"""A clip of hands that gesture over the table, with nothing in them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from humandata.schemas.landmarks import Side
from humandata.studio.clip import Clip, contrasting_scene, exposures
from humandata.studio.gestures import Gesture, gesture_hand
from humandata.studio.head_camera import sample_head_camera
from humandata.studio.human import sample_person
from humandata.studio.look import sample_look

TASK = "move the hands"


def plan_gesture_clip(
    seed: int | tuple[int, ...],
    gestures: Mapping[Side, Gesture],
    *,
    moving_camera: bool = False,
    duration_s: float = 3.0,
    frame_rate: int = 15,
    width: int = 640,
    height: int = 480,
) -> Clip:
    """Draw a scene, a person, a camera and the phases of the gestures; the same arguments give the same clip."""
    rng = np.random.default_rng(seed)
    head = sample_head_camera(rng, moving_camera, width, height)
    look, person = sample_look(rng), sample_person(rng)
    scene = contrasting_scene(person, rng)
    timestamp_ns, time_s = exposures(duration_s, frame_rate, rng)
    return Clip(
        task=TASK,
        frame_rate=frame_rate,
        scene=scene,
        person=person,
        look=look,
        head=head,
        timestamp_ns=timestamp_ns,
        time_s=time_s,
        T_world_camera=head.at(time_s),
        moved_block=None,
        T_world_block=np.full((len(time_s), 4, 4), np.nan),
        hands=tuple(gesture_hand(side, person, gesture, time_s, rng) for side, gesture in gestures.items()),
    )
