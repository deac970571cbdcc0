"""The reference policy: a small flow-matching transformer over image, text, state and a noisy action chunk.

Lipman et al., "Flow Matching for Generative Modeling", ICLR 2023; as an action head: Black et al., "π0: A
Vision-Language-Action Flow Model for General Robot Control", 2024.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from humandata.mixtures.augment import Augmentation
from humandata.training.policies.text import TextEncoder
from humandata.training.policies.transformer import ConditionedBlock, time_features
from humandata.training.policies.vision import VisionEncoder, shrink
from humandata.training.policy import Observation, Policy, PolicySpec

WIDTH = 128
NUM_BLOCKS = 3
NUM_HEADS = 4
STEPS_PER_TOKEN = 5
"""Steps of the chunk that share a token: a chunk is smooth, and a fifth of the tokens trains in half the time."""
AUGMENTATION = Augmentation(saturation=0.0)
NUM_SAMPLING_STEPS = 10
"""Euler steps from noise to action, as in π0."""
NUM_NOISES = 8
"""Noises an expected action is the mean over."""
SMOOTH_DEGREE = 9
"""Of the polynomial over time that an answer is brought to: enough for a grasp and the motions before and after it in
1.7 s. Where one step of a chunk ends and the next begins, the network leaves a jitter of millimetres."""
ACTION_STD = 0.4
"""About that of actions whose 1 % and 99 % quantiles are scaled to -1 and 1: a normal distribution's is 0.43."""


class FlowMatchingPolicy(Policy):
    """x_t = t·action + (1 − t)·noise; the network predicts the velocity action − noise wherever the mask is true.

    Action and state enter with their masks beside them and zero where masked, so what is masked cannot leak.
    One head serves every embodiment; which one it is comes in as a condition.
    """

    def __init__(self, spec: PolicySpec) -> None:
        super().__init__(spec)
        self.text = TextEncoder(WIDTH, num_buckets=2048, max_words=12)
        self.vision = VisionEncoder(WIDTH, channels=(48, 64), num_keypoints=32)
        self.state = nn.Sequential(nn.Linear(2 * spec.state_dim, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH))
        self.embodiment = nn.Embedding(spec.num_embodiments, WIDTH)
        self.time = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH))
        self.num_tokens = -(-spec.horizon // STEPS_PER_TOKEN)
        self.action_in = nn.Linear(STEPS_PER_TOKEN * 2 * spec.action_dim, WIDTH)
        self.action_position = nn.Parameter(torch.randn(self.num_tokens, WIDTH) * 0.1)
        self.blocks = nn.ModuleList(ConditionedBlock(WIDTH, NUM_HEADS) for _ in range(NUM_BLOCKS))
        self.action_norm = nn.LayerNorm(WIDTH)
        self.action_out = nn.Linear(WIDTH, STEPS_PER_TOKEN * spec.action_dim)
        nn.init.zeros_(self.action_out.weight)
        nn.init.zeros_(self.action_out.bias)

    def loss(self, observation: Observation, action: Tensor, action_mask: Tensor, generator: torch.Generator) -> Tensor:
        """Mean squared error over what is known, at one time and noise a sample.

        The error is that of the network's own output, so that no time weighs more than another. That of the velocity
        would weigh an action that is all but there six times as much as the noise it grows from, where the
        observation decides.
        """
        action = torch.where(action_mask, action, 0.0)
        noise = torch.randn(action.shape, generator=generator).to(action.device)
        time = _sample_time(len(action), generator).to(action.device)
        noisy = torch.lerp(noise, action, time[:, None, None])
        image = shrink(observation.image)
        changes = AUGMENTATION.draw(len(image), image.shape[-1], generator)
        tokens = self._observe(observation, changes.apply(image))
        residual = self._residual(tokens, observation, noisy, action_mask, time)
        share, scale = _precondition(time)
        error = torch.where(action_mask, residual - (action - noise - share * noisy) / scale, 0.0)
        return error.square().sum() / action_mask.sum().clamp(min=1)

    @torch.no_grad()
    def sample(self, observation: Observation, wanted: Tensor, generator: torch.Generator) -> Tensor:
        """Follow the velocity from noise at t = 0 to an action at t = 1."""
        mask = wanted[:, None].expand(-1, self.spec.horizon, -1)
        tokens = self._observe(observation, shrink(observation.image))
        chunk = torch.randn(mask.shape, generator=generator).to(mask.device)
        for step in range(NUM_SAMPLING_STEPS):
            time = torch.full((len(chunk),), step / NUM_SAMPLING_STEPS, device=chunk.device)
            chunk = chunk + self._velocity(tokens, observation, chunk, mask, time) / NUM_SAMPLING_STEPS
        return torch.where(mask, _smooth(chunk), 0.0)

    @torch.no_grad()
    def expect(self, observation: Observation, wanted: Tensor, generator: torch.Generator) -> Tensor:
        """The mean of where the velocity points to from some noises at t = 0.

        There the noisy chunk says nothing of the action, so the best velocity leads to the mean of all that are
        possible, from any noise; the mean over noises lessens what the network makes of them all the same.
        """
        mask = wanted[:, None].expand(-1, self.spec.horizon, -1)
        tokens = self._observe(observation, shrink(observation.image))
        time = torch.zeros(len(mask), device=mask.device)
        total = torch.zeros(mask.shape, device=mask.device)
        for _ in range(NUM_NOISES):
            noise = torch.randn(mask.shape, generator=generator).to(mask.device)
            total += noise + self._velocity(tokens, observation, noise, mask, time)
        return torch.where(mask, _smooth(total / NUM_NOISES), 0.0)

    def _observe(self, observation: Observation, image: Tensor) -> Tensor:
        """Observation tokens (B, N, WIDTH) of an image (B, 3, s, s); they do not depend on the flow's time."""
        embodiment = self.embodiment(observation.embodiment_index)
        text = self.text(observation.text)
        image = self.vision(image, text.mean(dim=1) + embodiment)
        known = torch.where(observation.state_mask, observation.state, 0.0)
        state = self.state(torch.cat([known, observation.state_mask.to(known.dtype)], dim=-1))
        return torch.cat([image, state[:, None], text], dim=1)

    def _velocity(self, tokens: Tensor, observation: Observation, noisy: Tensor, mask: Tensor, time: Tensor) -> Tensor:
        """Velocity (B, H, action_dim) float32 at noisy chunks of that shape and times (B,)."""
        share, scale = _precondition(time)
        return share * noisy + scale * self._residual(tokens, observation, noisy, mask, time)

    def _residual(self, tokens: Tensor, observation: Observation, noisy: Tensor, mask: Tensor, time: Tensor) -> Tensor:
        """The network's output (B, H, action_dim) float32 at noisy chunks of that shape and times (B,)."""
        visible = torch.cat([torch.where(mask, noisy, 0.0), mask.to(noisy.dtype)], dim=-1)
        padded = F.pad(visible, (0, 0, 0, self.num_tokens * STEPS_PER_TOKEN - self.spec.horizon))
        actions = self.action_in(padded.reshape(len(padded), self.num_tokens, -1)) + self.action_position
        condition = self.time(time_features(time, WIDTH)) + self.embodiment(observation.embodiment_index)
        sequence = torch.cat([tokens, actions], dim=1)
        for block in self.blocks:
            sequence = block(sequence, condition)
        rows: Tensor = self.action_out(self.action_norm(sequence[:, -self.num_tokens :]))
        return rows.float().reshape(len(padded), -1, self.spec.action_dim)[:, : self.spec.horizon]


def _precondition(time: Tensor) -> tuple[Tensor, Tensor]:
    """Factors (B, 1, 1) of the noisy chunk and of the network's output, whose sum is the velocity at times (B,).

    The first gives the velocity that would be best if actions were white noise of ACTION_STD. A network that had to
    give the velocity itself would have to pass all the noise through; this one only adds what the observation says, in
    numbers whose variance is 1 at all times (Karras et al., "Elucidating the Design Space of Diffusion-Based Generative
    Models", NeurIPS 2022, section 5, carried over to straight paths).
    """
    time = time[:, None, None]
    variance = (1.0 - time) ** 2 + (ACTION_STD * time) ** 2
    return (ACTION_STD**2 * time - (1.0 - time)) / variance, ACTION_STD / variance.sqrt()


def _smooth(chunk: Tensor) -> Tensor:
    """The polynomials over time of SMOOTH_DEGREE nearest to each dimension of chunks (B, H, action_dim)."""
    horizon = chunk.shape[1]
    time = torch.linspace(-1.0, 1.0, horizon, dtype=torch.float64)
    powers = torch.arange(min(SMOOTH_DEGREE + 1, horizon))
    basis = torch.linalg.qr(time[:, None] ** powers)[0].to(chunk)
    smooth: Tensor = basis @ (basis.mT @ chunk)
    return smooth


def _sample_time(num: int, generator: torch.Generator) -> Tensor:
    """Times (num,) in [0, 0.999] from the density of π0, Beta(1.5, 1) of 1 − t, which favours the noisy end.

    The distribution function of Beta(1.5, 1) is x^1.5, so its inverse at a uniform number is a sample.
    """
    return 0.999 * (1.0 - torch.rand(num, generator=generator) ** (1.0 / 1.5))
