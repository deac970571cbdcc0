"""A folder of HaMeR's files, with a small network of its own classes in it, at random."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from mano_builders import write_mano

from humandata.hands.hamer_files import HamerFiles, hamer_files

EMBED_DIM = 32
CONFIG = f"""
MODEL:
  IMAGE_SIZE: 256
  IMAGE_MEAN: [0.485, 0.456, 0.406]
  IMAGE_STD: [0.229, 0.224, 0.225]
  BACKBONE: {{TYPE: vit, PRETRAINED_WEIGHTS: /nowhere/vitpose_backbone.pth}}
  MANO_HEAD:
    TYPE: transformer_decoder
    IN_CHANNELS: 2048
    TRANSFORMER_DECODER:
      {{depth: 1, heads: 2, mlp_dim: 32, dim_head: 16, dropout: 0.0, emb_dropout: 0.0, norm: layer,
       context_dim: {EMBED_DIM}}}
LOSS_WEIGHTS: {{ADVERSARIAL: 0.0005}}
MANO:
  {{DATA_DIR: _DATA/data/, MODEL_PATH: ./_DATA/data/mano, GENDER: neutral, NUM_HAND_JOINTS: 15,
   MEAN_PARAMS: ./_DATA/data/mano_mean_params.npz, CREATE_BODY_POSE: false}}
EXTRA: {{FOCAL_LENGTH: 5000}}
"""


@contextmanager
def small_backbone() -> Iterator[None]:
    """HaMeR makes its vision transformer of one small layer instead of 32 wide ones, while it lasts."""
    from hamer.models.backbones.vit import ViT

    def create(_: object) -> torch.nn.Module:
        module: torch.nn.Module = ViT(
            img_size=(256, 192), patch_size=16, embed_dim=EMBED_DIM, depth=1, num_heads=2, ratio=1, qkv_bias=True
        )
        return module

    with patch("hamer.models.hamer.create_backbone", create):
        yield


def write_hamer_files(folder: Path, **further: object) -> HamerFiles:
    """Everything in its place; `further` joins the checkpoint's content beside the weights and their configuration."""
    from hamer.models import HAMER

    from humandata.hands.hamer_network import make_config

    files = hamer_files(folder)
    for path in (files.checkpoint, files.mean_params):
        path.parent.mkdir(parents=True, exist_ok=True)
    files.config.write_text(CONFIG)
    np.savez(files.mean_params, pose=np.tile([1.0, 0, 0, 1, 0, 0], 16), shape=np.zeros(10), cam=np.array([3.0, 0, 0]))
    write_mano(files.mano)
    config = make_config(files)
    torch.manual_seed(0)
    with small_backbone():
        weights = HAMER(config, init_renderer=False).state_dict()
    for name in ("mano_head.deccam.weight", "mano_head.deccam.bias"):
        weights[name] *= 0.05  # so that the hand stays in its crop, as with weights that were trained
    weights["discriminator.D_conv1.weight"] = torch.zeros(1)
    torch.save({"state_dict": weights, "hyper_parameters": {"cfg": config}, "epoch": 1, **further}, files.checkpoint)
    return files
