"""The MANO model file: read without chumpy, and without running what is in it."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from mano_builders import mano_arrays, write_mano

from humandata.errors import InputError
from humandata.hands.mano_file import mano_npz, read_mano


def test_what_was_written_is_read_and_packed_without_a_pickle(tmp_path: Path) -> None:
    arrays = read_mano(write_mano(tmp_path / "MANO_RIGHT.pkl"))
    for name, expected in mano_arrays().items():
        np.testing.assert_array_equal(arrays[name], expected)
    packed = np.load(io.BytesIO(mano_npz(arrays)), allow_pickle=False)
    assert set(packed) == set(arrays)


class Malice:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("echo harm >harm",)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"bs_style": Malice()}, "it names posix.system"),
        ({"weights": np.zeros((10, 10))}, "its weights has the shape"),
        ({"hands_mean": np.array(["a"] * 45)}, "something else than numbers"),
    ],
)
def test_a_file_that_is_another_is_refused_and_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=told):
        read_mano(write_mano(tmp_path / "MANO_RIGHT.pkl", **changes))
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("content", [b"", b"<html>log in</html>", b"\x80\x02}."])
def test_a_file_that_is_no_model_at_all_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "MANO_RIGHT.pkl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"MANO_RIGHT\.pkl: not a MANO model"):
        read_mano(path)
