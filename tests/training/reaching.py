"""A made-up task that only a policy that sees and reads can do: reach for the square whose colour the text names.

The hand moves in the image plane from where the state says it is, straight to the named one of two squares, which it
reaches at the end of the chunk. Text, image and state are all needed; the state alone gives nothing away.
"""

from __future__ import annotations

import torch
from torch import Tensor

from humandata.actions import ACTION_DIM, ACTION_LAYOUT, STATE_DIM, STATE_LAYOUT
from humandata.training.policy import Observation, PolicySpec, TrainingBatch

SPEC = PolicySpec(horizon=8, action_dim=ACTION_DIM, state_dim=STATE_DIM, num_embodiments=2, image_size_px=48)
COLOURS = {"red": (220, 40, 40), "blue": (40, 60, 220)}
SQUARE = 0.17
"""Side, of the image's."""


def reaching_batch(size: int, seed: int, spec: PolicySpec = SPEC) -> TrainingBatch:
    """Moments of the right arm; positions are in [-1, 1] of the image, x right and y down, hence normalised."""
    random = torch.Generator().manual_seed(seed)
    squares = 1.6 * torch.rand(size, len(COLOURS), 2, generator=random) - 0.8
    hand = 1.6 * torch.rand(size, 2, generator=random) - 0.8
    named = torch.randint(0, len(COLOURS), (size,), generator=random)
    motion = squares[torch.arange(size), named] - hand
    progress = torch.arange(1, spec.horizon + 1)[None, :, None] / spec.horizon

    state, action = torch.zeros(size, spec.state_dim), torch.zeros(size, spec.horizon, spec.action_dim)
    state[:, STATE_LAYOUT["right_position"].start :][:, :2] = hand
    action[..., ACTION_LAYOUT["right_position"].start :][..., :2] = progress * motion[:, None]
    state_mask, action_mask = torch.zeros_like(state, dtype=torch.bool), torch.zeros_like(action, dtype=torch.bool)
    state_mask[:, STATE_LAYOUT["right_position"]] = True
    action_mask[..., ACTION_LAYOUT["right_position"]] = True
    observation = Observation(
        image=_draw(squares, spec.image_size_px),
        text=tuple(f"reach for the {list(COLOURS)[index]} square" for index in named.tolist()),
        state=state,
        state_mask=state_mask,
        embodiment_index=torch.randint(0, spec.num_embodiments, (size,), generator=random),
    )
    return TrainingBatch(observation, action, action_mask)


def _draw(centres: Tensor, side_px: int) -> Tensor:
    """Images (B, 3, S, S) uint8 of squares at centres (B, num_colours, 2), the later ones in front."""
    pixel = torch.linspace(-1.0, 1.0, side_px)
    near = (pixel - centres[..., None]).abs() <= SQUARE
    image = torch.full((len(centres), 3, side_px, side_px), 90, dtype=torch.uint8)
    for index, colour in enumerate(COLOURS.values()):
        inside = near[:, index, 1, :, None] & near[:, index, 0, None, :]
        image = torch.where(inside[:, None], torch.tensor(colour, dtype=torch.uint8)[:, None, None], image)
    return image
