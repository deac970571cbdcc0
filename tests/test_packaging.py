"""The wheel: the package with its recipes, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BUILD_INPUT = ("pyproject.toml", "README.md", "LICENSE", "humandata", "pipelines")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel that `pip install .` builds, built from a copy so that the checkout stays as it is; no network."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in BUILD_INPUT:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    subprocess.run([sys.executable, "-m", "hatchling", "build", "--target", "wheel"], cwd=copy, check=True)
    (path,) = (copy / "dist").glob("*.whl")
    return zipfile.ZipFile(path)


def test_it_adds_nothing_but_the_package(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    (info,) = (top for top in tops if top.endswith(".dist-info"))
    assert tops == {"humandata", info}


def test_it_holds_every_module_and_recipe(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "humandata").rglob("*.py")}
    recipes = {f"humandata/pipelines/recipes/{path.name}" for path in (ROOT / "pipelines").glob("*.yaml")}
    assert recipes
    assert modules | recipes | {"humandata/py.typed"} <= names


def test_it_declares_the_command_and_the_licence(wheel: zipfile.ZipFile) -> None:
    texts = {Path(name).name: name for name in wheel.namelist() if ".dist-info/" in name}
    assert "humandata = humandata.__main__:main" in wheel.read(texts["entry_points.txt"]).decode()
    assert "License-Expression: Apache-2.0" in wheel.read(texts["METADATA"]).decode()
    assert "LICENSE" in texts
