"""What the doctor says of a machine, and the line that mends it."""

from __future__ import annotations

import re
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from humandata import doctor
from humandata.doctor import IMPORTS, Check, check_cache, check_model, check_package, print_checks, print_models
from humandata.hands.hamer_files import HAMER_NEEDS, HAMER_REQUIREMENT, hamer_files
from humandata.hands.weights import ModelStatus, verify
from humandata.system_libraries import PACKAGES, mend_line, missing_libraries

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_every_dependency_is_looked_at() -> None:
    assert {*IMPORTS, "torch"} == {re.split("[<>=]", requirement)[0] for requirement in PROJECT["dependencies"]}
    assert [HAMER_REQUIREMENT, *HAMER_NEEDS] == PROJECT["optional-dependencies"]["hamer"]


def test_the_supported_pythons_are_those_of_the_project() -> None:
    oldest, newest = doctor._SUPPORTED_PYTHON
    assert PROJECT["requires-python"] == f">=3.{oldest[1]},<3.{newest[1] + 1}"


def test_this_machine_has_what_the_tests_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "IMPORTS", {"opencv-contrib-python": "cv2"})  # the others are imported by other tests
    checks = doctor.diagnose()
    names = {check.name for check in checks}
    assert {"Python", "ffmpeg", "package torch", "weights hand_landmarker", "GPU", "cache", "extra hamer"} <= names
    failed = {check.name for check in checks if not check.ok and not check.optional}
    assert failed <= {"weights hand_landmarker"}
    assert all(check.mend for check in checks if check.name in failed)


def test_a_missing_package_is_mended_by_pip() -> None:
    check = check_package("humandata-absent", "absent")
    assert not check.ok
    assert check.mend == f"{sys.executable} -m pip install humandata-absent"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("raise ImportError('libGL.so.1: cannot open shared object file')", "libGL.so.1"),
        ("import os\nos.kill(os.getpid(), 11)", "crashed (signal 11)"),
    ],
)
def test_a_package_that_cannot_be_imported_is_reported_and_the_doctor_lives(
    code: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    check = check_package("numpy", "broken")
    assert not check.ok
    assert says in check.detail


def test_missing_weights_are_mended_by_a_fetch_and_a_wrong_variable_by_unsetting_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUMANDATA_CACHE", str(tmp_path))
    monkeypatch.delenv("HUMANDATA_HAND_LANDMARKER", raising=False)
    check = check_model(verify("hand_landmarker"))
    assert (check.ok, check.mend) == (False, "humandata models --fetch")
    monkeypatch.setenv("HUMANDATA_HAND_LANDMARKER", str(tmp_path / "absent.task"))
    check = check_model(verify("hand_landmarker"))
    assert (check.ok, check.mend) == (False, "unset HUMANDATA_HAND_LANDMARKER")


def test_what_hamer_lacks_is_optional_and_each_thing_has_its_line(tmp_path: Path) -> None:
    package, weights, mano = doctor.check_hamer(hamer_files(tmp_path))
    assert package.optional
    assert "--no-deps" in package.mend
    assert not weights.ok
    assert f"-C {tmp_path} --exclude=_DATA/vitpose_ckpts" in weights.mend
    assert not mano.ok
    assert "licence" in mano.mend


def test_the_cache_need_not_exist_to_be_judged(tmp_path: Path) -> None:
    check = check_cache(tmp_path / "not" / "yet")
    assert check.ok
    assert "GiB free" in check.detail
    assert not (tmp_path / "not").exists()


def test_a_missing_library_is_found_by_loading_it_and_mended_by_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PACKAGES, "libhumandata-absent.so.1", "libhumandata-absent1")
    monkeypatch.setattr(sys, "platform", "linux")
    assert missing_libraries()[-1] == "libhumandata-absent.so.1"
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert mend_line(["libGL.so.1", "libEGL.so.1"]).endswith("install -y --no-install-recommends libgl1 libegl1")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert "libGL.so.1" in mend_line(["libGL.so.1"])


def test_the_lines_to_copy_are_printed_whole_and_once(capsys: pytest.CaptureFixture[str]) -> None:
    line = "pip install " + "x" * 200
    print_checks([Check("a", True, "fine"), Check("b", False, "gone", line), Check("c", False, "gone too", line)])
    printed = capsys.readouterr().out
    assert printed.count(line) == 1
    assert "FAIL" in printed


def test_models_are_listed_with_files_that_can_be_copied(capsys: pytest.CaptureFixture[str]) -> None:
    far = Path("/home/somebody/.cache/humandata/hamer/_DATA/hamer_ckpts/checkpoints/hamer.ckpt")
    print_models([ModelStatus("hamer", "hand shape and pose", "MIT", far, "missing")])
    told = capsys.readouterr().out
    assert f"hamer: {far}\n" in told
    assert "`humandata doctor` says how to get what is missing." in told
    print_models([ModelStatus("hamer", "hand shape and pose", "MIT", far, "cached")])
    assert "missing" not in capsys.readouterr().out
