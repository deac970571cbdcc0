"""What one source brings to a mixture: its eligible steps, its split, its speed, and its figures for normalisation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from humandata.actions import (
    ACTION_DIM,
    ACTION_LAYOUT,
    STATE_DIM,
    ActionGrid,
    ActionTrack,
    encode_chunks,
    encode_states,
)
from humandata.dataset.read import ShardSource
from humandata.mixtures.groups import group_of
from humandata.mixtures.manifest import relative_path
from humandata.mixtures.options import MixOptions
from humandata.mixtures.split import held_out_episodes
from humandata.mixtures.statistics import VectorSketch
from humandata.mixtures.tracks import TrackReader, eligible_steps
from humandata.schemas.landmarks import SIDES
from humandata.schemas.mixture import EpisodeSteps, MixtureSource, parse_spans, spell_spans

_STEPS_AT_ONCE = 512
"""Chunks of 50 targets of this many steps take some 30 MB to encode."""


@dataclass(frozen=True)
class EmbodimentSketch:
    """What is remembered of the states and actions of one embodiment."""

    state: VectorSketch = field(default_factory=lambda: VectorSketch(STATE_DIM))
    action: VectorSketch = field(default_factory=lambda: VectorSketch(ACTION_DIM))


def survey(
    source: ShardSource,
    options: MixOptions,
    folder: Path,
    sketches: dict[str, EmbodimentSketch],
    advance: Callable[[], None],
) -> MixtureSource:
    """A source's part of the manifest that is to lie in `folder`.

    Its training steps are added to `sketches`, by embodiment. `advance` is called for each episode.
    """
    name = source.document.name
    grid = options.grid(name)
    reader = TrackReader(
        source, name in options.static_cameras, name in options.mask_rotations, options.action_space.human_gripper
    )
    episode_ids = sorted(reader.rows)
    spans: dict[str, str] = {}
    for episode_id in episode_ids:
        if steps := spell_spans(eligible_steps(reader.read(episode_id), grid)):
            spans[episode_id] = steps
    held_out = held_out_episodes(spans, options.held_out_fraction)
    speeds = VectorSketch(1)
    for episode_id in episode_ids:
        if episode_id in spans:
            sketch = sketches.setdefault(reader.rows[episode_id]["embodiment"], EmbodimentSketch())
        if episode_id in spans and episode_id not in held_out:
            _sketch_episode(reader.read(episode_id), spans[episode_id], grid, sketch, speeds)
        advance()
    training = _episode_steps({key: steps for key, steps in spans.items() if key not in held_out})
    median_speed = float(speeds.quantile(0.5)[0])
    return MixtureSource(
        name=name,
        path=relative_path(source.path, folder),
        fingerprint=source.document.fingerprint,
        group=group_of(source),
        weight=options.weights.get(name, float(training.num_steps)),
        slowdown=grid.slowdown,
        static_camera=name in options.static_cameras,
        mask_rotation=name in options.mask_rotations,
        median_speed=None if np.isnan(median_speed) else float(f"{median_speed:.4g}"),
        training=training,
        held_out=_episode_steps({key: steps for key, steps in spans.items() if key in held_out}),
    )


def _sketch_episode(
    track: ActionTrack, steps: str, grid: ActionGrid, sketch: EmbodimentSketch, speeds: VectorSketch
) -> None:
    """Add an episode's eligible steps, and the speeds at which they are to be played, in m/s."""
    for block in _blocks(steps):
        sketch.state.update(*encode_states(track, block))
        actions, mask = encode_chunks(track, block, grid)
        sketch.action.update(actions.reshape(-1, ACTION_DIM), mask.reshape(-1, ACTION_DIM))
        for side in SIDES:
            position = ACTION_LAYOUT[f"{side}_position"]
            speed = np.linalg.norm(actions[:, 0, position], axis=-1) * grid.rate_hz
            speeds.update(speed[:, None], mask[:, 0, position][:, :1])


def _blocks(steps: str) -> Iterator[NDArray[np.int64]]:
    indices = np.concatenate([np.arange(start, stop) for start, stop in parse_spans(steps)])
    for start in range(0, len(indices), _STEPS_AT_ONCE):
        yield indices[start : start + _STEPS_AT_ONCE]


def _episode_steps(spans: Mapping[str, str]) -> EpisodeSteps:
    num_steps = sum(int((stop - start).sum()) for start, stop in (parse_spans(steps).T for steps in spans.values()))
    return EpisodeSteps(num_steps=num_steps, episodes=dict(spans))
