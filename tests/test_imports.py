"""The way imports go: downwards, without cycles, and lightly at the command line."""

from __future__ import annotations

import ast
import graphlib
import json
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "humandata"
MODULES = sorted(PACKAGE.rglob("*.py"))

LAYERS: list[set[str]] = [
    {"__init__", "arrays", "cache", "errors", "geometry", "mirror", "progress", "storage", "system_libraries"},
    {"schemas"},
    {"embodiments", "actions"},
    {"video", "hands", "camera_motion", "trajectories", "readers", "exporters", "filters", "dataset"},
    {"pipelines", "mixtures"},
    {"training"},
    {"report"},
    {"bench"},
    {"doctor", "demo", "cli", "cli_mix", "cli_quarantine"},
    {"__main__"},
]
"""From the bottom up; a module may import what lies below it, and its own layer as long as no cycle arises."""

FORBIDDEN = {("mixtures", "pipelines"), ("pipelines", "mixtures"), ("training", "pipelines")}
"""Curation and training meet only at Parquet and the manifest."""

STUDIO_USES = {"arrays", "errors", "geometry", "schemas", "embodiments", "studio"}
STUDIO_USERS = {"studio", "bench", "demo", "cli"}
RAY_USERS = {Path("pipelines/ray_cluster.py"), Path("pipelines/ray_worker.py"), Path("mixtures/ray_dataset.py")}
"""Where work is spread over a cluster, on its both sides, and where batches are given to it."""
HEAVY = {"av", "cv2", "h5py", "matplotlib", "mediapipe", "open3d", "polars", "ray", "scipy", "torch"}

LAYER_OF = {unit: height for height, units in enumerate(LAYERS) for unit in units}


def unit_of(module: Path) -> str:
    """The part of the house that a file belongs to: a subpackage, or a module beside them."""
    first = module.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


@cache
def imported_names(module: Path) -> frozenset[str]:
    """Every module that a file imports, wherever in it, and those that its lazy `"module:Class"` strings name."""
    names = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Constant):
            match = re.fullmatch(r"(humandata(?:\.\w+)+):\w+", str(node.value))
            names |= {match[1]} if match else set()
    return frozenset(names)


def units_imported(module: Path) -> set[str]:
    """The parts of the house that a file imports; `from humandata import x` may name a part or an attribute."""
    names = (name.split(".") for name in imported_names(module))
    return {
        parts[1] if len(parts) > 1 and parts[1] in PARTS else "__init__" for parts in names if parts[0] == "humandata"
    }


PARTS = {unit_of(module) for module in MODULES} | set(LAYER_OF)
GRAPH: dict[str, set[str]] = defaultdict(set)
for _module in MODULES:
    if unit_of(_module) != "__init__":
        GRAPH[unit_of(_module)] |= units_imported(_module)


def test_every_part_of_the_package_has_its_place() -> None:
    unplaced = PARTS - set(LAYER_OF) - {"studio"}
    assert not unplaced, f"say in LAYERS where {sorted(unplaced)} stand"


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down(module: Path) -> None:
    unit, used = unit_of(module), units_imported(module)
    if unit == "studio":
        assert used <= STUDIO_USES | {"__init__"}
        return
    assert "studio" not in used or unit in STUDIO_USERS, "the studio's truth is for tests, benchmarks and the demo"
    upwards = {other for other in used - {"studio"} if LAYER_OF[other] > LAYER_OF[unit]}
    assert not upwards, f"{unit} imports {sorted(upwards)}, which stand above it"
    assert not {pair for pair in FORBIDDEN if pair[0] == unit and pair[1] in used}


def test_no_two_parts_import_each_other() -> None:
    graph = {unit: used - {unit} for unit, used in GRAPH.items()}
    tuple(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError, which names the cycle


def test_ray_is_imported_only_where_work_meets_a_cluster() -> None:
    users = {
        module.relative_to(PACKAGE)
        for module in MODULES
        if any(name.split(".")[0] == "ray" for name in imported_names(module))
    }
    assert users <= RAY_USERS


def test_what_is_imported_is_declared() -> None:
    """Every package that the code imports is a dependency of the project or of one of its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *(line for name, extra in extras.items() if name != "dev" for line in extra)]
    declared = {normalised(re.split(r"[ <>=@\[;~!]", line)[0]) for line in lines}
    distributions = packages_distributions()
    packages = {name.split(".")[0] for module in MODULES for name in imported_names(module)}
    packages -= sys.stdlib_module_names | {"humandata"}
    undeclared = {
        package
        for package in packages
        if not {normalised(name) for name in distributions.get(package, [package])} & declared
    }
    assert not undeclared


def normalised(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import json, sys\n"
        "from typer.testing import CliRunner\n"
        "from humandata.cli import app\n"
        "result = CliRunner().invoke(app, ['--help'])\n"
        "print(json.dumps([result.exit_code, result.output, sorted(sys.modules)]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    exit_code, output, modules = json.loads(done.stdout)
    assert exit_code == 0
    assert "extract" in output
    assert not HEAVY & set(modules)


@pytest.mark.parametrize("folder", ["humandata", "tests", "benchmarks", "examples"])
def test_no_file_is_over_400_lines(folder: str) -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / folder).rglob("*.py")}
    assert {str(path.relative_to(ROOT)): length for path, length in lengths.items() if length > 400} == {}
