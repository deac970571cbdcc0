"""Whatever a file holds, each parser gives a value or a HumandataError, soon.

A few mutations of valid documents, always the same, with every run of the tests; `make fuzz` tries new ones for longer.
"""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import make_episode, write_source
from hand_builders import detection, moving_hand
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mixture_builders import make_mixture, mixture_source
from path_writers import WRITERS, known_path, write_colmap_binary
from reader_builders import LeRobotDataset, make_motion, write_robomimic

from humandata.camera_motion.formats import read_recorded
from humandata.dataset.read import open_source
from humandata.dataset.records import InputRecord, QuarantineRecord
from humandata.errors import DatasetError, HumandataError
from humandata.mixtures.manifest import write_mixture
from humandata.mixtures.step_index import SPAN_SCHEMA, index_bytes, parse_index
from humandata.pipelines.part_files import read_outline, read_part, write_part
from humandata.pipelines.recipe import load_recipe, recipes_folder
from humandata.pipelines.sightings import Sightings
from humandata.readers.lerobot_info import INFO_PATH
from humandata.readers.lerobot_v3 import LeRobotV3Reader
from humandata.readers.reader import ReaderOptions
from humandata.readers.robomimic_hdf5 import RobomimicHdf5Reader
from humandata.schemas.documents import read_document
from humandata.schemas.mixture import read_mixture
from humandata.schemas.sidecar import Sidecar
from humandata.video.depth_files import open_depth_files
from humandata.video.quicktime import track_metadata
from humandata.video.spool import PictureSpool

EXAMPLES = int(os.environ.get("HUMANDATA_FUZZ", "25"))
LIMIT_S = 45.0
"""For one document of a few kilobytes, on a machine that may stand still for a while: it takes a hundredth of a second.
Less than the minute after which a helper process that hangs is ended."""

STRANGE: tuple[object, ...] = (
    *(0, -1, 2**63, 1e308, None, True, [], {}),
    *("", "x" * 5000, "\ud800", "\0", "../../etc/passwd", "/etc/passwd"),
)
TOKENS = (b"NaN", b"1e999", b"-1", b"\0", b"\xff", b"\n", b"[" * 3000, b"9" * 5000, b"{", b'"', b" ", b"0x1")


EPISODE = make_episode(0, "human_hands", rate_hz=15.0)


@dataclass(frozen=True)
class Target:
    """A parser, where the document lies in its folder, and how a valid folder is made."""

    name: str
    file: str
    build: Callable[[Path], object]
    parse: Callable[[Path], object]
    """Is given the document's path."""


def sidecar(folder: Path) -> None:
    content = {
        "task": "lift",
        "intrinsics": {"fx": 900.0, "fy": 900.0, "cx": 320.0, "cy": 240.0, "width": 640, "height": 480}
        | {"distortion": {"model": "brown", "coefficients": [0.1, -0.2, 0.0, 0.0]}},
        "hand_length_m": 0.18,
        "depth": {"path": "depth.npz", "scale_m": 0.001},
        "camera_poses": {"world": "gravity", "timestamp_ns": [0, 1], "position": [[0, 0, 0]] * 2}
        | {"wxyz": [[1, 0, 0, 0]] * 2},
    }
    (folder / "clip.json").write_text(json.dumps(content))


def parse_sidecar(path: Path) -> object:
    read = read_document(Sidecar, path)
    return read.companions, read.intrinsics.to_camera() if read.intrinsics else None


def shards(folder: Path) -> None:
    write_source(folder / "hands", [EPISODE])


def parse_source(path: Path) -> object:
    source = open_source(path.parent)
    return source.episodes(), source.rejected()


def parse_steps(path: Path) -> object:
    return open_source(path.parents[1]).read_episode(EPISODE.id)


def parse_episodes(path: Path) -> object:
    return open_source(path.parent).episodes()


def index(folder: Path) -> None:
    span = {"source": 0, "held_out": 0, "start": 0, "stop": 5, "first_record": 0, "num_steps": 5}
    rows = [span | {"episode": f"e{number}", "task": "lift", "embodiment": "human_hands"} for number in range(3)]
    (folder / "index.arrow").write_bytes(index_bytes([pa.Table.from_pylist(rows, schema=SPAN_SCHEMA)]))


def quicktime(folder: Path) -> None:
    def atom(kind: bytes, content: bytes) -> bytes:
        return (8 + len(content)).to_bytes(4, "big") + kind + content

    keys = atom(b"keys", bytes(7) + b"\1" + atom(b"mdta", b"com.apple.lens"))
    item = atom((1).to_bytes(4, "big"), atom(b"data", (1).to_bytes(4, "big") + bytes(4) + b"main"))
    meta = atom(b"meta", keys + atom(b"ilst", item))
    (folder / "clip.mov").write_bytes(atom(b"ftyp", b"qt  ") + atom(b"moov", atom(b"trak", meta)))


def depth(folder: Path) -> None:
    maps = np.arange(2 * 6 * 8, dtype=np.uint16).reshape(2, 6, 8)
    np.savez(folder / "depth.npz", depth=maps, timestamps=np.array([0, 1]))


def parse_depth(path: Path) -> object:
    files = open_depth_files(path)
    return [files.read(number) for number in range(min(files.num_maps, 3))]


def part(folder: Path) -> None:
    hands = [(detection(moving_hand("right", 1)[0], "right"),), ()]
    with PictureSpool() as pictures:
        pictures.append(b"picture")
        write_part(folder, 0, Sightings(np.array([0, 10**9]), np.array([0]), hands), pictures)


def parse_part(path: Path) -> object:
    return read_outline(path.parent, 0), list(read_part(path.parent, 0).seen.detections)


def robot(folder: Path) -> None:
    LeRobotDataset([make_motion(0)]).write(folder)


def parse_lerobot(path: Path) -> object:
    reader = LeRobotV3Reader(path.parents[1], ReaderOptions())
    return [reader.read(reference.name) for reference in reader.list_episodes()[:2]]


def parse_robomimic(path: Path) -> object:
    if not RobomimicHdf5Reader.detect(path):
        return None
    reader = RobomimicHdf5Reader(path, ReaderOptions())
    return [reader.read(reference.name) for reference in reader.list_episodes()[:2]]


TARGETS = [
    Target("sidecar", "clip.json", sidecar, parse_sidecar),
    Target(
        "recipe",
        "recipe.yaml",
        lambda folder: (folder / "recipe.yaml").write_bytes((recipes_folder() / "default.yaml").read_bytes()),
        lambda path: load_recipe(str(path)),
    ),
    Target(
        "mixture",
        "mixture.json",
        lambda folder: write_mixture(
            folder / "mixture.json", make_mixture([mixture_source("a", "robot", 100)], {"robot": 1.0})
        ),
        read_mixture,
    ),
    Target("step index", "index.arrow", index, lambda path: parse_index(path.read_bytes(), 1)),
    Target("source.json", "hands/source.json", shards, parse_source),
    Target("episodes.parquet", "hands/episodes.parquet", shards, parse_episodes),
    Target("steps", f"hands/data/{EPISODE.id}.parquet", shards, parse_steps),
    Target(
        "input record",
        "record.json",
        lambda folder: (folder / "record.json").write_text(
            json.dumps(
                {"input": "a.mp4", "input_sha256": "0", "size_bytes": 1, "mtime_ns": 1, "recipe_sha256": "0"}
                | {"tool_version": "1", "episodes": [], "rejected": [], "files": {"a": "b"}, "figures": {"frames": 1}}
            )
        ),
        lambda path: read_document(InputRecord, path, DatasetError),
    ),
    Target(
        "quarantine record",
        "record.json",
        lambda folder: (folder / "record.json").write_text(
            '{"input": "a", "stage": "extract", "error": "e", "attempts": 1, "stamp": [1, 2], "tool_version": "1"}'
        ),
        lambda path: read_document(QuarantineRecord, path, DatasetError),
    ),
    *(
        Target(
            f"camera path, {name}",
            "path.txt",
            lambda folder, write=write: write(folder / "path.txt", known_path()),  # type: ignore[misc]
            lambda path, name=name: read_recorded(path, name),  # type: ignore[misc]
        )
        for name, write in WRITERS.items()
    ),
    Target(
        "camera path, colmap's binary",
        "path.bin",
        lambda folder: write_colmap_binary(folder / "path.bin", known_path()),
        lambda path: read_recorded(path, "colmap"),
    ),
    Target("QuickTime metadata", "clip.mov", quicktime, lambda path: track_metadata(io.BytesIO(path.read_bytes()))),
    Target("depth array", "depth.npz", depth, parse_depth),
    Target("part of a long video", "00000.npz", part, parse_part),
    Target("LeRobot info.json", INFO_PATH, robot, parse_lerobot),
    Target(
        "robomimic HDF5",
        "robot.hdf5",
        lambda folder: write_robomimic(folder / "robot.hdf5", [make_motion(0)]),
        parse_robomimic,
    ),
]


@st.composite
def mutations(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Changes of a document: of bytes, or of the values of a JSON document."""
    if draw(st.booleans()):
        return draw(
            st.builds(_with_values, st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(STRANGE)), max_size=3))
        )
    place = st.floats(0, 1)
    flip = st.tuples(st.just("flip"), place, st.integers(1, 255))
    cut = st.tuples(st.just("cut"), place, st.integers(1, 64))
    insert = st.tuples(st.just("insert"), place, st.sampled_from(TOKENS))
    end = st.tuples(st.just("end"), place, st.just(0))
    changes = draw(st.lists(st.one_of(flip, cut, insert, end), min_size=1, max_size=4))

    def mutate(content: bytes) -> bytes:
        for kind, where, what in changes:
            at = int(where * len(content))
            if kind == "flip" and content:
                at = min(at, len(content) - 1)
                content = content[:at] + bytes([content[at] ^ what]) + content[at + 1 :]  # type: ignore[operator]
            elif kind == "cut":
                content = content[:at] + content[at + what :]  # type: ignore[operator]
            elif kind == "insert":
                content = content[:at] + what + content[at:]  # type: ignore[operator]
            elif kind == "end":
                content = content[:at]
        return content

    return mutate


def _with_values(changes: list[tuple[int, object]]) -> Callable[[bytes], bytes]:
    """Put strange values in the place of some of a JSON document; another kind of document is cut."""

    def mutate(content: bytes) -> bytes:
        try:
            document = json.loads(content)
        except ValueError:
            return content[: len(content) - sum(number for number, _ in changes) % max(len(content), 1)]
        for number, value in changes:
            places = list(_places(document))
            if places:
                holder, key = places[number % len(places)]
                holder[key] = value
        return json.dumps(document).encode("utf-8", "surrogatepass")

    return mutate


def _places(node: Any) -> list[tuple[Any, Any]]:
    keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else []
    found: list[tuple[Any, Any]] = []
    for key in keys:
        found.append((node, key))
        found += _places(node[key])
    return found


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Target], tuple[Path, bytes]]:
    """The place of a target's document, and its valid content."""
    made: dict[str, tuple[Path, bytes]] = {}

    def get(target: Target) -> tuple[Path, bytes]:
        if target.name not in made:
            folder = tmp_path_factory.mktemp("valid")
            target.build(folder)
            path = folder / target.file
            made[target.name] = path, path.read_bytes()
        return made[target.name]

    return get


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@given(mutate=mutations())
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
def test_any_content_gives_a_value_or_an_error_of_ours(
    target: Target, valid: Callable[[Target], tuple[Path, bytes]], mutate: Callable[[bytes], bytes]
) -> None:
    path, content = valid(target)
    path.write_bytes(mutate(content))
    start_s = time.monotonic()
    with suppress(HumandataError):
        target.parse(path)
    assert time.monotonic() - start_s < LIMIT_S


@pytest.mark.parametrize("of", ["episodes.parquet", f"data/{EPISODE.id}.parquet"])
def test_a_table_with_a_column_lost_or_of_another_type_gives_a_value_or_an_error_of_ours(
    tmp_path: Path, of: str
) -> None:
    shards(tmp_path)
    path = tmp_path / "hands" / of
    table = pq.read_table(path)
    for name in table.column_names:
        nothing = pa.nulls(len(table), pa.string())
        place = table.schema.get_field_index(name)
        for changed in (table.drop_columns(name), table.set_column(place, name, nothing), table.slice(0, 0)):
            pq.write_table(changed, path)
            with suppress(HumandataError):
                open_source(tmp_path / "hands").read_episode(EPISODE.id)


def test_a_table_with_a_column_whose_name_is_no_text_gives_an_error_of_ours(tmp_path: Path) -> None:
    shards(tmp_path)
    path = tmp_path / "hands/episodes.parquet"
    path.write_bytes(path.read_bytes().replace(b"num_steps", b"num_\xf4teps"))
    with pytest.raises(DatasetError, match=r"episodes\.parquet: cannot be read"):
        parse_episodes(path)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_the_valid_document_is_read(target: Target, valid: Callable[[Target], tuple[Path, bytes]]) -> None:
    path, content = valid(target)
    path.write_bytes(content)
    target.parse(path)
