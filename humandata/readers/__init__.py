"""Robot datasets as they come: one file a format, recognised by itself, each yielding recordings."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from humandata.errors import InputError
from humandata.readers.reader import Reader, ReaderOptions

READERS: dict[str, str] = {
    "lerobot_v3": "humandata.readers.lerobot_v3:LeRobotV3Reader",
    "robomimic_hdf5": "humandata.readers.robomimic_hdf5:RobomimicHdf5Reader",
}


def get_reader(format_name: str) -> type[Reader]:
    """The reader of a format among `READERS`."""
    module, attribute = READERS[format_name].split(":")
    reader: type[Reader] = getattr(import_module(module), attribute)
    return reader


def detect_format(path: Path) -> str:
    """The name of the format a dataset is in; raises InputError that lists the known formats and what marks them."""
    if not path.exists():
        raise InputError(f"{path}: no such file or folder.")
    for name in READERS:
        if get_reader(name).detect(path):
            return name
    known = "; ".join(f"{name} ({get_reader(name).looked_for})" for name in READERS)
    raise InputError(f"{path}: not a dataset in a known format. Looked for: {known}.")


def open_dataset(path: Path, options: ReaderOptions | None = None) -> Reader:
    """The reader of the dataset at `path`, whatever its format; raises InputError where it cannot be read at all."""
    return get_reader(detect_format(path))(path, options or ReaderOptions())
