"""What HaMeR needs: its package, its checkpoint, and MANO. What is missing is told with the lines that mend it.

Nothing is downloaded here. The checkpoint has several gigabytes, and MANO's licence does not let anyone hand it on:
each user accepts it and downloads the model.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import sys
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from humandata.cache import cache_folder
from humandata.dataset.files import sha256_file
from humandata.errors import MissingDependencyError
from humandata.hands.weights import ModelStatus

HAMER_REQUIREMENT = "hamer @ git+https://github.com/geopavlakos/hamer.git"
HAMER_NEEDS = {
    "einops": "einops",
    "pyrender": "pyrender",
    "pytorch-lightning": "pytorch_lightning",
    "smplx==0.1.28": "smplx",
    "timm": "timm",
    "torchvision": "torchvision",
    "yacs": "yacs",
}
"""Requirement → module of what HaMeR's model imports. The rest of what its package asks for (detectron2, mmcv 1.3.9,
chumpy, ...) serves its demo and its training, and seldom installs with a current Python: so it is left out."""

FOLDER_VARIABLE = "HUMANDATA_HAMER"
_CHECKPOINT_ADDRESS = "https://www.cs.utexas.edu/~pavlakos/hamer/data/hamer_demo_data.tar.gz"
_MANO_ADDRESS = "https://mano.is.tue.mpg.de"


@dataclass(frozen=True)
class HamerFiles:
    """The files of HaMeR's folder `_DATA`, laid out as its own demo has them; they need not exist."""

    folder: Path

    @property
    def checkpoint(self) -> Path:
        """The weights."""
        return self.folder / "hamer_ckpts" / "checkpoints" / "hamer.ckpt"

    @property
    def config(self) -> Path:
        """The configuration that the weights were trained with."""
        return self.folder / "hamer_ckpts" / "model_config.yaml"

    @property
    def mean_params(self) -> Path:
        """The mean hand, which the network starts from."""
        return self.folder / "data" / "mano_mean_params.npz"

    @property
    def mano(self) -> Path:
        """The right hand of MANO, which each user licenses."""
        return self.folder / "data" / "mano" / "MANO_RIGHT.pkl"

    @property
    def missing_weights(self) -> list[Path]:
        """Those files of the checkpoint's archive that are not there."""
        return [path for path in (self.checkpoint, self.config, self.mean_params) if not path.is_file()]

    @cached_property
    def sha256(self) -> str:
        """Of the SHA-256 of all four files, which are read whole."""
        files = (self.checkpoint, self.config, self.mean_params, self.mano)
        return hashlib.sha256("".join(map(sha256_file, files)).encode()).hexdigest()


def hamer_files(folder: Path | None = None) -> HamerFiles:
    """Where the files are looked for: the folder given, else `$HUMANDATA_HAMER`, else `hamer/_DATA` in the cache.

    It may be `_DATA` itself or the folder that holds it. The working directory, which HaMeR goes by, plays no part.
    """
    if folder is None:
        own = os.environ.get(FOLDER_VARIABLE)
        folder = Path(own).expanduser() if own else cache_folder() / "hamer"
    return HamerFiles((folder if folder.name == "_DATA" else folder / "_DATA").absolute())


def require_hamer_files(folder: Path | None = None) -> HamerFiles:
    """The files, all there; else raises MissingDependencyError with the steps that bring the missing ones."""
    files = hamer_files(folder)
    steps = [weights_step(files)] if files.missing_weights else []
    steps += [] if files.mano.is_file() else [mano_step(files)]
    if steps:
        raise MissingDependencyError(
            "\n".join([f"HaMeR's model files are not all in {files.folder}:", *(f"  {step}" for step in steps)])
            + f"\nWhere they lie elsewhere already, set {FOLDER_VARIABLE} to that folder `_DATA`."
        )
    return files


def hamer_version() -> str:
    """Version and, where known, commit of the package; raises MissingDependencyError where HaMeR cannot be imported."""
    missing = missing_packages()
    if missing:
        raise MissingDependencyError(
            f"the estimator 'hamer' needs {', '.join(missing)}. Install HaMeR without what only its demo uses:\n"
            f"  {install_line()}"
        )
    try:
        hamer = distribution("hamer")
    except PackageNotFoundError:  # on the search path, as a checkout
        return "unknown"
    origin = json.loads(hamer.read_text("direct_url.json") or "{}")
    commit = origin.get("vcs_info", {}).get("commit_id", "")
    return "+".join(filter(None, [hamer.version, commit[:12]]))


def missing_packages() -> list[str]:
    """The distributions that HaMeR's model imports and that are not installed; nothing is imported."""
    return [name for name, module in {"hamer": "hamer", **HAMER_NEEDS}.items() if find_spec(module) is None]


def install_line() -> str:
    """What to type to install HaMeR and what its model needs."""
    pip = f"{shlex.quote(sys.executable)} -m pip install"
    return f'{pip} --no-deps "{HAMER_REQUIREMENT}" && {pip} {" ".join(HAMER_NEEDS)}'


def weights_step(files: HamerFiles) -> str:
    """What to type to have the checkpoint: 6 GB, of which the greater part, a detector's weights, is not unpacked."""
    parent = shlex.quote(str(files.folder.parent))
    archive = f"{parent}/hamer_demo_data.tar.gz"
    download = f"mkdir -p {parent} && curl -L -C - -o {archive} {_CHECKPOINT_ADDRESS}"
    return f"{download} && tar -xf {archive} -C {parent} --exclude=_DATA/vitpose_ckpts"


def mano_step(files: HamerFiles) -> str:
    """What to do to have MANO."""
    return f"register at {_MANO_ADDRESS}, accept its licence, download MANO, and copy MANO_RIGHT.pkl to {files.mano}"


def list_hamer_models() -> list[ModelStatus]:
    """The status of HaMeR's files, as `humandata models` lists them: by presence, for their hashes are not known."""
    files = hamer_files()
    where: Literal["given", "cached"] = "given" if os.environ.get(FOLDER_VARIABLE) else "cached"
    return [
        ModelStatus(
            "hamer",
            "hand shape and pose from a crop, by HaMeR (optional)",
            "MIT",
            files.checkpoint,
            "missing" if files.missing_weights else where,
        ),
        ModelStatus(
            "mano",
            "the hand model that HaMeR fits (optional)",
            "non-commercial, by registration",
            files.mano,
            where if files.mano.is_file() else "missing",
        ),
    ]
