"""The model files that estimators need: found, fetched, verified, and cached per user.

A model is looked for in this order: the path the user gives (an argument, or the model's environment variable), the
cache, then the model's sources one after the other. For the hand landmarker these are the official bundle and, where
that cannot be reached, the wheel of an older mediapipe, which carries the same networks.

Whatever the source, a member is accepted only with the SHA-256 written here, and the members are packed again in one
fixed way. So the file in the cache is the same on every machine, and so is the hash that goes into provenance. An
official bundle whose members differ from the known ones is passed over in favour of the wheel. A file that the user
gives is used as it is and recorded by its own hash; if it is not a known one, a warning says so.

What a user should know without asking, that something is downloaded or was damaged, is logged at level WARNING; why a
source did not serve, at level INFO.
"""

from __future__ import annotations

import io
import logging
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from humandata.cache import cache_folder
from humandata.dataset.files import sha256_file, write_atomically
from humandata.errors import DatasetError, MissingDependencyError, UsageError, unknown_name
from humandata.hands.weight_sources import Download, Member, Source, SourceError, Wheel, pack, read_members

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Model:
    """A model that can be had: what it is for, what it consists of, and where it comes from.

    `sha256` is that of the bundle as `pack` makes it. `environment_variable` names one that may hold a path. `sources`
    are tried in order; the first is the one that a person is sent to.
    """

    purpose: str
    license: str
    file_name: str
    sha256: str
    environment_variable: str
    members: tuple[Member, ...]
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Weights:
    """A model file that is there, and the SHA-256 of its content."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class ModelStatus:
    """Whether a model is there; `path` is where it is or would be.

    `given` means that the environment variable names a file, which is used instead of the cache.
    """

    name: str
    purpose: str
    license: str
    path: Path
    state: Literal["given", "cached", "missing", "corrupted"]


MODELS: dict[str, Model] = {
    "hand_landmarker": Model(
        purpose="palm detection and 21 hand landmarks, by MediaPipe",
        license="Apache-2.0",
        file_name="hand_landmarker.task",
        sha256="ef3f184fa8d5e6905ea4770282627d6937975119af763054312d05985c059bda",
        environment_variable="HUMANDATA_HAND_LANDMARKER",
        members=(
            Member(
                name="hand_detector.tflite",
                num_bytes=2_339_846,
                sha256="1b14e9422c6ad006cde6581a46c8b90dd573c07ab7f3934b5589e7cea3f89a54",
                wheel_path="mediapipe/modules/palm_detection/palm_detection_full.tflite",
            ),
            Member(
                name="hand_landmarks_detector.tflite",
                num_bytes=5_478_917,
                sha256="11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3",
                wheel_path="mediapipe/modules/hand_landmark/hand_landmark_full.tflite",
            ),
        ),
        sources=(
            Download(
                "https://storage.googleapis.com/mediapipe-models/hand_landmarker/hand_landmarker/float16/1/"
                "hand_landmarker.task"
            ),
            Wheel("mediapipe==0.10.21", python_version="3.11", platform="manylinux_2_28_x86_64"),
        ),
    ),
}


def resolve_weights(name: str, path: Path | None = None) -> Weights:
    """The file of a model: the one given, else the cached one, else fetched now. No network where it is cached.

    Raises UsageError for an unknown name or an unusable given file, and MissingDependencyError, with what to do by
    hand, where no source can be reached.
    """
    model = _model(name)
    if path is not None:
        return _use_given(model, path, "the path given")
    if (own := _path_in_environment(model)) is not None:
        return _use_given(model, own, model.environment_variable)
    status = verify(name)
    if status.state == "cached":
        return Weights(status.path, model.sha256)
    if status.state == "corrupted":
        _LOG.warning("%s: its SHA-256 is not the known one; fetching it again", status.path)
    return fetch(name)


def fetch(name: str) -> Weights:
    """Fetch a model into the cache, whatever is there; safe where two processes do so at once.

    Raises UsageError for an unknown name, MissingDependencyError where no source can be reached or the cache cannot be
    written.
    """
    model = _model(name)
    path = _cached_path(model)
    failures = []
    for source in model.sources:
        _LOG.warning("fetching %s from %s", model.file_name, source)
        try:
            bundle = pack(source.read(model.members))
        except SourceError as failure:
            _LOG.info("%s: %s", source, failure)
            failures.append(f"  {source}: {failure}")
            continue
        try:
            return Weights(path, write_atomically(path, bundle))
        except DatasetError as failure:
            raise MissingDependencyError(
                f"{path} cannot be written. Free space there, or set HUMANDATA_CACHE to another folder."
            ) from failure
    raise MissingDependencyError(
        "\n".join(
            [
                f"{model.file_name} ({model.purpose}) is not in {path.parent} and could not be fetched:",
                *failures,
                f"Without a network here, download {model.sources[0]} elsewhere, copy it to this machine and set "
                f"{model.environment_variable} to its path.",
            ]
        )
    )


def verify(name: str) -> ModelStatus:
    """Say whether a model is there and the cached file has its SHA-256; nothing is fetched."""
    model = _model(name)
    path = _path_in_environment(model)
    if path is not None:
        return ModelStatus(name, model.purpose, model.license, path, "given" if path.is_file() else "missing")
    path = _cached_path(model)
    state: Literal["cached", "missing", "corrupted"] = "missing"
    if path.is_file():
        state = "cached" if sha256_file(path) == model.sha256 else "corrupted"
    return ModelStatus(name, model.purpose, model.license, path, state)


def list_models() -> list[ModelStatus]:
    """The status of every model that can be had."""
    return [verify(name) for name in MODELS]


def _model(name: str) -> Model:
    if name not in MODELS:
        raise unknown_name("model", name, MODELS)
    return MODELS[name]


def _path_in_environment(model: Model) -> Path | None:
    value = os.environ.get(model.environment_variable)
    return Path(value).expanduser() if value else None


def _cached_path(model: Model) -> Path:
    return cache_folder() / "weights" / model.file_name


def _use_given(model: Model, path: Path, origin: str) -> Weights:
    if not path.is_file():
        raise UsageError(f"{path}: no such file; {origin} must be a {model.file_name}.")
    if not zipfile.is_zipfile(path):
        raise UsageError(f"{path}: not a model bundle; {origin} must be a {model.file_name}.")
    digest = sha256_file(path)
    if digest != model.sha256:
        try:
            read_members(io.BytesIO(path.read_bytes()), {member.name: member for member in model.members})
        except SourceError as failure:
            _LOG.warning("%s is not the known %s (%s); used as it is", path, model.file_name, failure)
    return Weights(path, digest)
