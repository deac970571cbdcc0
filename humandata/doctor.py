"""What this machine lacks, and the exact line that mends it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from humandata.cache import cache_folder
from humandata.camera_motion.pycolmap_package import PYCOLMAP_INSTALL, pycolmap_version
from humandata.errors import MissingDependencyError
from humandata.hands.hamer_files import (
    HamerFiles,
    hamer_files,
    hamer_version,
    install_line,
    mano_step,
    missing_packages,
    weights_step,
)
from humandata.hands.weights import MODELS, ModelStatus, list_models
from humandata.report.console import print_line, print_table
from humandata.system_libraries import PACKAGES, mend_line, missing_libraries
from humandata.video.fence import refused_here
from humandata.video.ffmpeg_program import ffmpeg_executable

IMPORTS: dict[str, str] = {
    "av": "av",
    "datasketches": "datasketches",
    "ffmpeg-python": "ffmpeg",
    "h5py": "h5py",
    "imageio-ffmpeg": "imageio_ffmpeg",
    "mediapipe": "mediapipe.tasks.python.vision",
    "numpy": "numpy",
    "open3d": "open3d",
    "opencv-contrib-python": "cv2",
    "polars": "polars",
    "pyarrow": "pyarrow",
    "pydantic": "pydantic",
    "pyyaml": "yaml",
    "ray": "ray",
    "rich": "rich",
    "safetensors": "safetensors",
    "scipy": "scipy",
    "threadpoolctl": "threadpoolctl",
    "typer": "typer",
}
"""Required distribution → the module that is imported to see whether it works; torch has a check of its own."""

_SUPPORTED_PYTHON = ((3, 11), (3, 13))
_PROBE_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Check:
    """One thing looked at: whether it is as it should be, what was found, and the line that mends it where it is not.

    What is `optional` limits what can be done and fails nothing.
    """

    name: str
    ok: bool
    detail: str
    mend: str = ""
    optional: bool = False


def diagnose() -> list[Check]:
    """Look at everything that humandata needs or can use; takes a few seconds and fetches nothing."""
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        torch = pool.submit(check_torch)  # the slowest first
        packages = list(pool.map(check_package, IMPORTS.keys(), IMPORTS.values()))
    return [
        check_python(),
        *check_libraries(),
        *packages,
        *torch.result(),
        check_ffmpeg(),
        check_fence(),
        *(check_model(status) for status in list_models()),
        check_cache(cache_folder()),
        *check_hamer(hamer_files()),
        check_structure_from_motion(),
    ]


def print_checks(checks: list[Check]) -> None:
    """Print the checks as a table, then the lines that mend what failed."""
    marks = {True: "ok", False: "FAIL"}
    rows = [("-" if check.optional and not check.ok else marks[check.ok], check.name, check.detail) for check in checks]
    print_table("This machine", ("", "checked", "found"), rows)
    required = dict.fromkeys(check.mend for check in checks if not check.ok and not check.optional)
    optional = dict.fromkeys(check.mend for check in checks if not check.ok and check.optional and check.mend)
    for heading, lines in (("To mend what failed:", required), ("To add what is optional:", optional)):
        if lines:
            print_line(heading)
            sys.stdout.writelines(f"  {line}\n" for line in lines)  # not wrapped: they are there to be copied


def print_models(statuses: list[ModelStatus]) -> None:
    """Print a table of the models and their licences, and below it the files, where a terminal breaks no path."""
    rows = [(status.name, status.state, status.license, status.purpose) for status in statuses]
    print_table("Models", ("model", "state", "licence", "purpose"), rows)
    for status in statuses:
        print_line(f"{status.name}: {status.path}")
    if any(status.state in {"missing", "corrupted"} for status in statuses):
        print_line("`humandata doctor` says how to get what is missing.")


def check_python() -> Check:
    """Whether this interpreter is one that the dependencies have wheels for."""
    oldest, newest = (".".join(map(str, supported)) for supported in _SUPPORTED_PYTHON)
    ok = _SUPPORTED_PYTHON[0] <= sys.version_info[:2] <= _SUPPORTED_PYTHON[1]
    detail = f"{'.'.join(map(str, sys.version_info[:3]))} at {sys.executable}"
    return Check("Python", ok, detail, f"install into an environment of Python {oldest} to {newest}")


def check_libraries() -> list[Check]:
    """Whether each shared library that the packages load is there; one line mends all that are not."""
    missing = missing_libraries()
    return [
        Check(
            f"library {library}",
            library not in missing,
            "not found" if library in missing else "loads",
            mend_line(missing),
        )
        for library in PACKAGES
        if sys.platform == "linux"
    ]


def check_package(distribution: str, module: str) -> Check:
    """Whether a package is installed and can be imported; in a process of its own, which a bad wheel may crash."""
    return _package(distribution, _run_python(f"import {module}")[1])


def check_torch() -> tuple[Check, Check]:
    """Whether torch can be imported, and whether it sees a CUDA device to train on."""
    code = "import torch; print(torch.cuda.get_device_name(0) if torch.cuda.is_available() else '')"
    name, error = _run_python(code)
    found = name or "none that torch can use; training runs on the CPU"
    return _package("torch", error), Check("GPU", bool(name), found, optional=True)


def check_ffmpeg() -> Check:
    """Which ffmpeg decodes videos."""
    try:
        return Check("ffmpeg", True, ffmpeg_executable())
    except (MissingDependencyError, ImportError) as failure:
        return Check("ffmpeg", False, str(failure), f"{sys.executable} -m pip install imageio-ffmpeg")


def check_fence() -> Check:
    """What a program that decodes a stranger's video is kept from; limits of memory and time hold everywhere."""
    with tempfile.NamedTemporaryFile(prefix="humandata-") as scratch:
        refused = refused_here(Path(scratch.name))
    lacking = [kind for kind, holds in refused.items() if not holds]
    detail = f"decoders are kept from: {', '.join(kind for kind in refused if kind not in lacking)}"
    if not refused or lacking:
        detail = f"decoders are not kept from: {', '.join(lacking) or 'anything but too much memory and time'}"
    mend = "use Linux 5.13 or later on x86-64 or ARM64, for decoders of strangers' videos that can harm nothing"
    return Check("fence", bool(refused) and not lacking, detail, mend, optional=True)


def check_model(status: ModelStatus) -> Check:
    """Whether the weights are there; they would be fetched when first needed, which needs a network."""
    variable = MODELS[status.name].environment_variable
    mend = f"unset {variable}" if os.environ.get(variable) else "humandata models --fetch"
    there = status.state in ("given", "cached")
    return Check(f"weights {status.name}", there, f"{status.state}: {status.path}", mend)


def check_cache(folder: Path) -> Check:
    """Whether the cache can be written to, and the space left there."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    writable = os.access(existing, os.W_OK)
    free_gib = shutil.disk_usage(existing).free / 2**30
    detail = f"{folder}, {'writable' if writable else 'not writable'}, {free_gib:.1f} GiB free"
    return Check("cache", writable, detail, "export HUMANDATA_CACHE=<a folder you can write to>", optional=True)


def check_structure_from_motion() -> Check:
    """The package that works out a moving camera's path; it is an extra."""
    installed = pycolmap_version()
    return Check("extra sfm", installed is not None, installed or "not installed", PYCOLMAP_INSTALL, optional=True)


def check_hamer(files: HamerFiles) -> tuple[Check, Check, Check]:
    """Whether the extra estimator HaMeR is installed, and the files that it needs are there."""
    lacks = missing_packages()
    package = f"not installed: {', '.join(lacks)}" if lacks else hamer_version()
    weights = f"{'missing' if files.missing_weights else 'there'}: {files.checkpoint}"
    mano = files.mano.is_file()
    return (
        Check("extra hamer", not lacks, package, install_line(), optional=True),
        Check("weights hamer", not files.missing_weights, weights, weights_step(files), optional=True),
        Check("weights mano", mano, f"{'there' if mano else 'missing'}: {files.mano}", mano_step(files), optional=True),
    )


def _package(distribution: str, import_error: str) -> Check:
    install = f"{sys.executable} -m pip install"
    try:
        installed = version(distribution)
    except PackageNotFoundError:
        return Check(f"package {distribution}", False, "not installed", f"{install} {distribution}")
    detail = f"{installed}, but it cannot be imported: {import_error}" if import_error else installed
    return Check(f"package {distribution}", not import_error, detail, f"{install} --force-reinstall {distribution}")


def _run_python(code: str) -> tuple[str, str]:
    """Run code in a fresh interpreter: the last line that it printed, and the error, empty if there was none."""
    command = [sys.executable, "-c", code]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PROBE_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return "", f"no answer within {_PROBE_TIMEOUT_S:.0f} s"
    if done.returncode < 0:
        return "", f"the interpreter crashed (signal {-done.returncode})"
    lines = done.stderr.strip().splitlines()
    printed = done.stdout.strip().splitlines()
    error = (lines[-1] if lines else f"exit code {done.returncode}") if done.returncode else ""
    return printed[-1] if printed else "", error
