"""What one source brings to a mixture: its eligible steps, its split, its speed, and its figures for normalisation."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from humandata.actions import (
    ACTION_DIM,
    ACTION_LAYOUT,
    STATE_DIM,
    ActionGrid,
    ActionTrack,
    encode_chunks,
    encode_states,
)
from humandata.arrays import IntArray
from humandata.dataset.files import write_atomically
from humandata.dataset.read import ShardSource
from humandata.embodiments import get_embodiment
from humandata.mixtures.options import MixOptions
from humandata.mixtures.packs import TrackPack, first_records, open_pack, pack_key
from humandata.mixtures.selection import select_episodes
from humandata.mixtures.split import held_out_episodes
from humandata.mixtures.statistics import VectorSketch
from humandata.mixtures.step_index import SPAN_SCHEMA
from humandata.mixtures.tracks import eligible_steps
from humandata.schemas.documents import canonical_json
from humandata.schemas.landmarks import SIDES

_TARGETS_AT_ONCE = 25_600
"""Steps times the horizon that are encoded in one go, which takes some 30 MB."""
_SURVEY_VERSION = 2


@dataclass(frozen=True)
class EmbodimentSketch:
    """What is remembered of the states and actions of one embodiment."""

    state: VectorSketch = field(default_factory=lambda: VectorSketch(STATE_DIM))
    action: VectorSketch = field(default_factory=lambda: VectorSketch(ACTION_DIM))

    def merge(self, other: EmbodimentSketch) -> None:
        """Add what another sketch has seen."""
        self.state.merge(other.state)
        self.action.merge(other.action)


@dataclass(frozen=True)
class Survey:
    """What was found in a source under the mixture's terms."""

    spans: pa.Table
    """Of SPAN_SCHEMA, `source` being 0."""
    sketches: dict[str, EmbodimentSketch]
    """Of the training steps, by embodiment."""
    median_speed: float | None
    """Of the end effectors as played, in m/s."""


def survey(
    source: ShardSource,
    options: MixOptions,
    cache: Path,
    advance: Callable[[], None],
    held_out_tasks: frozenset[str] = frozenset(),
) -> Survey:
    """The survey of a source; read from the folder `cache` where the same source was surveyed on the same terms.

    `advance` is called once for each episode. DatasetError where a step file cannot be read.
    """
    path = cache / f"{survey_key(source, options, held_out_tasks)}.survey.arrow"
    if path.exists():
        for _ in range(source.document.counts.episodes):
            advance()
        return read_survey(path)
    found = _survey(source, options, cache, advance, held_out_tasks)
    write_atomically(path, survey_bytes(found))
    return found


def survey_key(source: ShardSource, options: MixOptions, held_out_tasks: frozenset[str] = frozenset()) -> str:
    """What a survey is named after: everything its content follows from."""
    name, space = source.document.name, options.action_space
    content = [
        _SURVEY_VERSION,
        pack_key(source, name in options.static_cameras),
        [space.horizon, space.rate_hz, options.slowdowns.get(name, 1.0), space.human_gripper],
        name in options.mask_rotations,
        [options.held_out_fraction, options.split, sorted(held_out_tasks)],
        [options.where, options.tasks],
    ]
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()[:32]


def survey_bytes(found: Survey) -> bytes:
    """The file of a survey: its spans, and its sketches as metadata."""
    metadata: dict[bytes, bytes] = {b"median_speed": repr(found.median_speed).encode()}
    for name, sketch in found.sketches.items():
        metadata[f"state:{name}".encode()] = sketch.state.to_bytes()
        metadata[f"action:{name}".encode()] = sketch.action.to_bytes()
    sink = pa.BufferOutputStream()
    table = found.spans.replace_schema_metadata(metadata).combine_chunks()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def read_survey(path: Path) -> Survey:
    """The survey in a file that `survey_bytes` made."""
    table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    metadata = dict(table.schema.metadata)
    speed = metadata.pop(b"median_speed").decode()
    sketches = {
        key.removeprefix(b"state:").decode(): EmbodimentSketch(
            VectorSketch.from_bytes(content), VectorSketch.from_bytes(metadata[key.replace(b"state:", b"action:", 1)])
        )
        for key, content in metadata.items()
        if key.startswith(b"state:")
    }
    return Survey(table.replace_schema_metadata(None), sketches, None if speed == "None" else float(speed))


def _survey(
    source: ShardSource, options: MixOptions, cache: Path, advance: Callable[[], None], held_out_tasks: frozenset[str]
) -> Survey:
    name = source.document.name
    pack = open_pack(source, name in options.static_cameras, cache)
    episodes = source.episodes(["id", "task", "input_sha256", "embodiment", "num_steps"]).to_pylist()
    for row, first in zip(episodes, first_records([row["num_steps"] for row in episodes]).tolist(), strict=True):
        row["first_record"] = first
    if options.where is not None or options.tasks:
        chosen = select_episodes(source.episodes(), options.where, options.tasks)
        episodes = [row for row in episodes if row["id"] in chosen]
    episodes.sort(key=lambda row: str(row["id"]))
    grid, mask_rotation = options.grid(name), name in options.mask_rotations
    spans = {row["id"]: _spans(_track(pack, row, options, mask_rotation), grid) for row in episodes}
    held_out = held_out_episodes([row for row in episodes if len(spans[row["id"]])], options, held_out_tasks)
    sketches: dict[str, EmbodimentSketch] = {}
    speeds = VectorSketch(1)
    rows: list[dict[str, Any]] = []
    for row in episodes:
        advance()
        if not len(spans[row["id"]]):
            continue
        sketch = sketches.setdefault(row["embodiment"], EmbodimentSketch())
        if row["id"] not in held_out:
            _sketch_episode(_track(pack, row, options, mask_rotation), spans[row["id"]], grid, sketch, speeds)
        known = {key: row[key] for key in ("first_record", "num_steps", "embodiment")}
        known |= {"source": 0, "held_out": int(row["id"] in held_out), "episode": row["id"], "task": row["task"] or ""}
        rows += [{**known, "start": int(start), "stop": int(stop)} for start, stop in spans[row["id"]]]
    rows.sort(key=lambda row: int(row["held_out"]))
    speed = float(speeds.quantile(0.5)[0])
    median_speed = None if np.isnan(speed) else float(f"{speed:.4g}")
    return Survey(pa.Table.from_pylist(rows, SPAN_SCHEMA), sketches, median_speed)


def _track(pack: TrackPack, row: dict[str, Any], options: MixOptions, mask_rotation: bool) -> ActionTrack:
    is_human = get_embodiment(row["embodiment"]).kind == "human"
    mask_gripper = is_human and options.action_space.human_gripper == "mask"
    return pack.episode(row["first_record"], row["num_steps"], mask_rotation, mask_gripper)


def _spans(track: ActionTrack, grid: ActionGrid) -> IntArray:
    """Half-open spans (M, 2) of an episode's eligible steps."""
    eligible = np.concatenate([[False], eligible_steps(track, grid), [False]])
    return np.asarray(np.flatnonzero(np.diff(eligible)).reshape(-1, 2))


def _sketch_episode(
    track: ActionTrack, spans: IntArray, grid: ActionGrid, sketch: EmbodimentSketch, speeds: VectorSketch
) -> None:
    """Add an episode's eligible steps, and the speeds at which they are to be played, in m/s."""
    steps = np.concatenate([np.arange(start, stop) for start, stop in spans])
    steps_at_once = max(_TARGETS_AT_ONCE // grid.horizon, 1)
    for begin in range(0, len(steps), steps_at_once):
        block = steps[begin : begin + steps_at_once]
        sketch.state.update(*encode_states(track, block))
        actions, mask = encode_chunks(track, block, grid)
        sketch.action.update(actions.reshape(-1, ACTION_DIM), mask.reshape(-1, ACTION_DIM))
        for side in SIDES:
            position = ACTION_LAYOUT[f"{side}_position"]
            speed = np.linalg.norm(actions[:, 0, position], axis=-1) * grid.rate_hz
            speeds.update(speed[:, None], mask[:, 0, position][:, :1])
