"""What a user is told who asks for HaMeR without having it, and how its checkpoint is read; no hamer needed."""

from __future__ import annotations

import os
import sys
import types
from collections import OrderedDict
from pathlib import Path

import pytest
import torch

from humandata.errors import InputError, MissingDependencyError
from humandata.hands import hamer_files, make_estimator
from humandata.hands.checkpoints import read_state_dict
from humandata.hands.estimator import DetectSettings, HandReconstructor, PictureDetector
from humandata.hands.hamer_files import (
    FOLDER_VARIABLE,
    HAMER_NEEDS,
    list_hamer_models,
    require_hamer_files,
)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HUMANDATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    return tmp_path / "cache"


def test_without_the_package_the_line_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hamer_files, "HAMER_NEEDS", {**HAMER_NEEDS, "absent==1.0": "humandata_absent"})
    estimator = make_estimator(DetectSettings(estimator="hamer"))
    assert estimator.name == "hamer"
    for use in (lambda: estimator.version, estimator.setup):
        with pytest.raises(MissingDependencyError) as caught:
            use()
        told = str(caught.value)
        assert "absent==1.0" in told
        assert (
            f'{sys.executable} -m pip install --no-deps "hamer @ git+https://github.com/geopavlakos/hamer.git"' in told
        )


def test_finding_and_reconstructing_can_be_taken_apart() -> None:
    estimator = make_estimator(DetectSettings(estimator="hamer"))
    assert isinstance(estimator, HandReconstructor)
    assert isinstance(estimator.detector, PictureDetector)


def test_without_the_files_each_step_is_told_once(empty_cache: Path) -> None:
    with pytest.raises(MissingDependencyError) as caught:
        require_hamer_files()
    told = str(caught.value)
    assert f"-C {empty_cache / 'hamer'} --exclude=_DATA/vitpose_ckpts" in told
    assert "mano.is.tue.mpg.de" in told
    assert str(empty_cache / "hamer/_DATA/data/mano/MANO_RIGHT.pkl") in told
    assert FOLDER_VARIABLE in told


def touch_all(folder: Path) -> None:
    files = hamer_files.hamer_files(folder)
    for path in (files.checkpoint, files.config, files.mean_params, files.mano):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_only_what_is_missing_is_asked_for(empty_cache: Path) -> None:
    touch_all(empty_cache / "hamer")
    files = require_hamer_files()
    assert len(files.sha256) == 64
    files.mano.unlink()
    with pytest.raises(MissingDependencyError) as caught:
        require_hamer_files()
    assert "MANO_RIGHT.pkl" in str(caught.value)
    assert "curl" not in str(caught.value)


def test_the_folder_is_found_by_either_name_and_never_by_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch_all(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert {status.state for status in list_hamer_models()} == {"missing"}
    assert require_hamer_files(Path("_DATA")) == require_hamer_files(tmp_path)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "_DATA"))
    assert {status.state for status in list_hamer_models()} == {"given"}


class Progress:
    """What the package that trains keeps in a checkpoint."""

    def __init__(self) -> None:
        self.step = 1


class Malice:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("echo harm >harm",)


class Trickery:
    def __reduce__(self) -> tuple[object, tuple[Path, str]]:
        return getattr, (Path("harm"), "touch")


def test_a_checkpoint_gives_its_tensors_and_none_of_its_objects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Configurations are pickled as objects of packages that need not be there."""
    weights = OrderedDict(weight=torch.arange(6.0).reshape(2, 3))
    with monkeypatch.context() as packages:
        gone = types.ModuleType("yacs.config")
        gone.CfgNode = type("CfgNode", (dict,), {"__module__": "yacs.config"})  # type: ignore[attr-defined]
        packages.setitem(sys.modules, "yacs", types.ModuleType("yacs"))
        packages.setitem(sys.modules, "yacs.config", gone)
        content = {"state_dict": weights, "cfg": gone.CfgNode(A=gone.CfgNode(B=1)), "loop": Progress()}
        torch.save(content, tmp_path / "model.ckpt")
    read = read_state_dict(tmp_path / "model.ckpt")
    assert list(read) == ["weight"]
    assert torch.equal(read["weight"], weights["weight"])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"weights": {}}, "no state_dict of tensors"),
        ([1], "no state_dict of tensors"),
        ({"state_dict": {"a": Progress()}}, "no state_dict of tensors"),
        ({"state_dict": {}, "harm": Malice()}, "posix"),
        ({"state_dict": {"a": Trickery()}}, "model.ckpt"),
    ],
)
def test_a_checkpoint_with_something_else_is_refused_and_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: object, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(content, tmp_path / "model.ckpt")
    with pytest.raises(InputError, match=told):
        read_state_dict(tmp_path / "model.ckpt")
    assert not (tmp_path / "harm").exists()


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.ckpt").write_bytes(b"<html>not found</html>")
    with pytest.raises(InputError, match="not a checkpoint"):
        read_state_dict(tmp_path / "model.ckpt")
