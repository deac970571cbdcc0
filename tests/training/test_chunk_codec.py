"""What a policy predicts stands for the chunk it was made of, and does not change with how the tool is turned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from reaching import reaching_batch

from humandata.actions import ACTION_LAYOUT, STATE_LAYOUT
from humandata.arrays import FloatArray
from humandata.geometry.rotations import matrix_from_rotvec, rot6d_from_matrix
from humandata.geometry.transforms import invert, make_transform
from humandata.mixtures.batch import Batch
from humandata.mixtures.normalization import Normalizer
from humandata.training.chunk_codec import ChunkCodec

NUM, HORIZON = 5, 4
RANDOM = np.random.default_rng(0)


def normalizer() -> Normalizer:
    random = torch.Generator().manual_seed(0)
    return Normalizer(*(0.5 + torch.rand(2, size, generator=random) for size in (20, 20, 26, 26)))


def poses(*shape: int) -> FloatArray:
    return make_transform(
        matrix_from_rotvec(RANDOM.normal(0.0, 1.0, (*shape, 3))), RANDOM.normal(0.0, 0.2, (*shape, 3))
    )


def batch_of(T_view_now: FloatArray, T_view_target: FloatArray) -> Batch:
    """Chunks of the right arm from poses (B, 4, 4) to poses (B, H, 4, 4)."""
    observation = reaching_batch(len(T_view_now), seed=0).observation
    state, action = torch.zeros(len(T_view_now), 20), torch.rand(*T_view_target.shape[:2], 26)
    state[:, STATE_LAYOUT["right_rot6d"]] = torch.from_numpy(rot6d_from_matrix(T_view_now[:, :3, :3])).float()
    T_now_target = invert(T_view_now)[:, None] @ T_view_target
    action[..., ACTION_LAYOUT["right_position"]] = torch.from_numpy(T_now_target[..., :3, 3]).float()
    for side in ("left", "right"):
        rot6d = rot6d_from_matrix(T_now_target[..., :3, :3])
        action[..., ACTION_LAYOUT[f"{side}_rot6d"]] = torch.from_numpy(rot6d).float()
    state_mask = torch.zeros(state.shape, dtype=torch.bool)
    state_mask[:, STATE_LAYOUT["right_rot6d"]] = True
    return Batch(
        image=observation.image,
        text=list(observation.text),
        state=state,
        state_mask=state_mask,
        action=action,
        action_mask=torch.ones(action.shape, dtype=torch.bool),
        embodiment=["human_hands"] * len(state),
        embodiment_index=observation.embodiment_index,
        sample=torch.arange(len(state)),
        weight=torch.ones(len(state)),
    )


def test_decoding_undoes_encoding_in_every_dimension() -> None:
    batch = batch_of(poses(NUM), poses(NUM, HORIZON))
    codec = ChunkCodec(normalizer())
    encoded = codec.encode(batch)
    decoded = codec.decode(encoded, replace(batch, action=torch.zeros_like(batch.action)))
    torch.testing.assert_close(decoded, batch.action, rtol=0.0, atol=1e-5)  # float32, orientations made orthonormal


def test_the_same_motion_in_the_view_is_the_same_chunk_however_the_tool_is_turned() -> None:
    T_view_now, motion, R = poses(NUM), poses(NUM, HORIZON), poses(NUM)[:, :3, :3]
    turned = T_view_now.copy()
    turned[:, :3, :3] = T_view_now[:, :3, :3] @ R

    def encoded(T_view_now: FloatArray) -> torch.Tensor:
        """Of a motion that shifts and turns the tool along the view's axes."""
        T_view_target = np.repeat(T_view_now[:, None], HORIZON, axis=1)
        T_view_target[..., :3, :3] = motion[..., :3, :3] @ T_view_target[..., :3, :3]
        T_view_target[..., :3, 3] += motion[..., :3, 3]
        chunk = ChunkCodec(normalizer()).encode(batch_of(T_view_now, T_view_target))
        return chunk[..., ACTION_LAYOUT["right_position"].start : ACTION_LAYOUT["right_rot6d"].stop]

    torch.testing.assert_close(encoded(turned), encoded(T_view_now), rtol=0.0, atol=1e-5)


def test_holding_still_is_zero() -> None:
    T_view_now = poses(NUM)
    batch = batch_of(T_view_now, np.repeat(T_view_now[:, None], HORIZON, axis=1))
    encoded = ChunkCodec(normalizer()).encode(batch)
    for part in ("right_position", "right_rot6d", "left_rot6d"):
        torch.testing.assert_close(
            encoded[..., ACTION_LAYOUT[part]],
            torch.zeros(NUM, HORIZON, 3 * (1 + ("rot6d" in part))),
            rtol=0.0,
            atol=1e-5,
        )
