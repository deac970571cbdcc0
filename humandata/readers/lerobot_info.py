"""`meta/info.json` of a LeRobot dataset: what it declares, and the paths that its templates lead to.

The document comes with the dataset, so nobody vouches for it: a template may name only the fields it should, and leads
nowhere but below the dataset's root.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from string import Formatter
from typing import Literal

from pydantic import ConfigDict, Field, PositiveFloat

from humandata.errors import InputError
from humandata.readers.state_names import flatten_names
from humandata.schemas.documents import Document, parse_document, read_json

INFO_PATH = "meta/info.json"
SUPPORTED_VERSION = "v3.0"

_NUMBER_FORMAT = re.compile(r"(0?[1-9])?d?")


class Feature(Document):
    """One feature; what else a dataset says of it does not matter here."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    dtype: str
    shape: tuple[int, ...] = ()
    names: object = None
    info: dict[str, object] | None = None

    @property
    def is_camera(self) -> bool:
        """Whether it is a stream of colour pictures."""
        return self.dtype in {"video", "image"} and not (self.info or {}).get("video.is_depth_map", False)

    @property
    def is_number(self) -> bool:
        """Whether it is a vector of real numbers."""
        return self.dtype in {"float32", "float64"} and len(self.shape) <= 1

    def dimension_names(self, key: str) -> tuple[str, ...]:
        """Names of the vector's dimensions; a scalar without any is called by the last part of its key."""
        names = flatten_names(self.names)
        size = self.shape[0] if self.shape else 1
        if not names and size == 1:
            return (key.rsplit(".", 1)[-1],)
        return names if len(names) == size else ()


class LeRobotInfo(Document):
    """What `meta/info.json` of version 3.0 declares (huggingface/lerobot, `src/lerobot/datasets/utils.py`)."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    codebase_version: Literal["v3.0"]
    fps: PositiveFloat
    features: dict[str, Feature]
    robot_type: str | None = None
    data_path: str = Field(default="data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet")
    video_path: str | None = None

    def data_file(self, root: Path, chunk_index: int, file_index: int) -> Path:
        """The Parquet file of that place; raises InputError where the template is not to be trusted."""
        return expand(root, self.data_path, {"chunk_index": chunk_index, "file_index": file_index})

    def video_file(self, root: Path, video_key: str, chunk_index: int, file_index: int) -> Path:
        """The video of that place; raises InputError where the template or the key is not to be trusted."""
        if self.video_path is None:
            raise InputError(f"{root / INFO_PATH}: feature '{video_key}' is a video, but there is no video_path.")
        fields: dict[str, int | str] = {"video_key": video_key, "chunk_index": chunk_index, "file_index": file_index}
        return expand(root, self.video_path, fields)


def read_info(root: Path) -> LeRobotInfo:
    """The document of a dataset; raises InputError that names the version where it is not 3.0."""
    path = root / INFO_PATH
    content = read_json(path)
    version = content.get("codebase_version") if isinstance(content, dict) else None
    if version is not None and version != SUPPORTED_VERSION:
        raise InputError(
            f"{path}: LeRobot version '{version}'; only {SUPPORTED_VERSION} can be read. Convert a v2.1 dataset "
            "with LeRobot's own `python -m lerobot.datasets.v30.convert_dataset_v21_to_v30`."
        )
    return parse_document(LeRobotInfo, content, str(path))


def expand(root: Path, template: str, fields: dict[str, int | str]) -> Path:
    """A template of info.json with its fields filled in, below the root.

    Raises:
        InputError: the template names another field, asks more of one than a number's width, or leads out of the root.
    """
    origin = f"{root / INFO_PATH}: path template '{template}'"
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise InputError(f"{origin}: {error}.") from None
    for _, name, width, conversion in parts:
        if name is None:
            continue
        if name not in fields:
            raise InputError(f"{origin}: unknown field '{name}' (known: {', '.join(fields)}).")
        if conversion or not (_NUMBER_FORMAT.fullmatch(width or "") and (isinstance(fields[name], int) or not width)):
            raise InputError(f"{origin}: field '{name}' may be formatted by a width of digits only.")
    relative = PurePosixPath(template.format_map(fields))
    if relative.is_absolute() or ".." in relative.parts or not relative.parts or re.search(r"[\\\0]", str(relative)):
        raise InputError(f"{origin}: leads out of the dataset's folder ('{relative}').")
    return root / relative
