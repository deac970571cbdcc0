"""HaMeR's network: crops in, right hands out. The only module that imports hamer."""

from __future__ import annotations

import contextlib
import hashlib
import io
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from hamer.configs import get_config
from hamer.models import HAMER
from yacs.config import CfgNode

from humandata.arrays import Image
from humandata.cache import cache_folder
from humandata.dataset.files import write_atomically
from humandata.errors import InputError
from humandata.hands.checkpoints import read_state_dict
from humandata.hands.hamer_files import HamerFiles
from humandata.hands.mano_file import mano_npz, read_mano
from humandata.hands.reconstruction import Reconstruction

NUM_LANDMARKS = 21
_FROM_MANO = "mano."
"""Buffers that MANO's own file fills; a checkpoint may lack those that another version of smplx makes."""


class HamerNetwork:
    """HaMeR on a device: on a GPU its backbone, nearly all of it, in half precision, the rest in single."""

    def __init__(self, files: HamerFiles, device: torch.device, half: bool) -> None:
        """Load everything; raises InputError for a file that is not what it should be."""
        config = make_config(files)
        with contextlib.redirect_stdout(io.StringIO()):  # smplx prints advice
            model = HAMER(config, init_renderer=False)  # a renderer would need EGL
        _load_weights(model, files.checkpoint)
        if half:
            model.backbone = _InHalfPrecision(model.backbone)
        self._model = model.to(device).eval()
        self._device = device
        self._mean = torch.tensor(config.MODEL.IMAGE_MEAN, device=device).view(3, 1, 1) * 255.0
        self._std = torch.tensor(config.MODEL.IMAGE_STD, device=device).view(3, 1, 1) * 255.0

    def __call__(self, pictures: Sequence[Image]) -> list[Reconstruction]:
        """The right hand in each RGB picture (256, 256, 3), all in one batch."""
        batch = torch.from_numpy(np.stack(pictures)).to(self._device).permute(0, 3, 1, 2)
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # HaMeR calls torch as it was
            out = self._model({"img": (batch.float() - self._mean) / self._std})
        mano = out["pred_mano_params"]
        columns = [
            tensor.float().cpu().numpy().astype(np.float64)
            for tensor in (
                out["pred_keypoints_2d"][:, :NUM_LANDMARKS],
                out["pred_keypoints_3d"][:, :NUM_LANDMARKS],
                mano["global_orient"].reshape(-1, 3, 3),
                mano["hand_pose"].reshape(-1, 15, 3, 3),
                mano["betas"].reshape(-1, 10),
            )
        ]
        return [Reconstruction(*row) for row in zip(*columns, strict=True)]


class _InHalfPrecision(torch.nn.Module):
    """A module whose weights and arithmetic have 16 bits, between neighbours of 32."""

    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__()
        self.module = module.half()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.module(x.half())
        return features.float()


def make_config(files: HamerFiles) -> CfgNode:
    """HaMeR's configuration, with the paths that it has relative to its working directory made those of `files`."""
    config = get_config(str(files.config))
    config.defrost()
    config.MODEL.BACKBONE.pop("PRETRAINED_WEIGHTS", None)  # the checkpoint holds them
    config.LOSS_WEIGHTS.ADVERSARIAL = 0.0  # or a discriminator would be made
    config.MANO.MEAN_PARAMS = str(files.mean_params)
    config.MANO.MODEL_PATH = str(_unpacked_mano(files.mano).parent)
    config.MANO.EXT = "npz"
    config.freeze()
    return config


def _unpacked_mano(path: Path) -> Path:
    """MANO without its pickle, in the form that smplx reads: in the cache, in a folder named after its content."""
    content = mano_npz(read_mano(path))
    unpacked = cache_folder() / "hamer" / f"mano_{hashlib.sha256(content).hexdigest()[:16]}" / "MANO_RIGHT.npz"
    if not unpacked.exists():
        write_atomically(unpacked, content)
    return unpacked


def _load_weights(model: torch.nn.Module, path: Path) -> None:
    """Fill the network; what a checkpoint holds besides, such as the discriminator of its training, is left out."""
    try:
        missing, _ = model.load_state_dict(read_state_dict(path), strict=False)
    except RuntimeError as failure:
        raise InputError(f"{path}: not a checkpoint of this HaMeR ({str(failure).splitlines()[-1].strip()}).") from None
    lacking = [name for name in missing if not name.startswith(_FROM_MANO)]
    if lacking:
        raise InputError(
            f"{path}: not a checkpoint of this HaMeR: it lacks {len(lacking)} weights, first {lacking[0]}."
        )
