"""Errors are the distances and angles that they say they are, where the truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from reaching import SPEC, reaching_batch
from torch import Tensor

from humandata.actions import ACTION_LAYOUT
from humandata.geometry.rotations import matrix_from_rotvec, rot6d_from_matrix
from humandata.mixtures.batch import Batch
from humandata.mixtures.normalization import Normalizer
from humandata.training.chunk_codec import ChunkCodec
from humandata.training.evaluate import evaluate
from humandata.training.policy import Observation, Policy
from humandata.training.summary import evaluation_table
from humandata.training.trained import TrainedPolicy

MIDDLE, HALF = 0.5, 2.0


class Oracle(Policy):
    """Answers with the chunks it was given, already encoded."""

    def __init__(self, chunks: Tensor) -> None:
        super().__init__(replace(SPEC, horizon=chunks.shape[1]))
        self.chunks = chunks

    def loss(self, observation: Observation, action: Tensor, action_mask: Tensor, generator: torch.Generator) -> Tensor:
        raise NotImplementedError

    def sample(self, observation: Observation, wanted: Tensor, generator: torch.Generator) -> Tensor:
        raise NotImplementedError

    def expect(self, observation: Observation, wanted: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        return self.chunks


def chunk(steps: list[tuple[float, float]]) -> Tensor:
    """One chunk of the right arm: at each step, so many metres along x and so many degrees about y."""
    action = torch.zeros(1, len(steps), SPEC.action_dim)
    for index, (metres, degrees) in enumerate(steps):
        action[0, index, ACTION_LAYOUT["right_position"].start] = metres
        R = matrix_from_rotvec(np.deg2rad([0.0, degrees, 0.0]))
        action[0, index, ACTION_LAYOUT["right_rot6d"]] = torch.from_numpy(rot6d_from_matrix(R)).float()
    return action


def batch_of(action: Tensor, parts: list[str], known: list[bool]) -> Batch:
    observation = reaching_batch(len(action), seed=0).observation
    mask = torch.zeros(action.shape, dtype=torch.bool)
    for part in parts:
        mask[:, known, ACTION_LAYOUT[part]] = True
    return Batch(
        image=observation.image,
        text=list(observation.text),
        state=observation.state,
        state_mask=observation.state_mask,
        action=torch.where(mask, action, 0.0),
        action_mask=mask,
        embodiment=["human_hands"] * len(action),
        embodiment_index=torch.zeros(len(action), dtype=torch.int64),
        sample=torch.arange(len(action)),
        weight=torch.ones(len(action)),
    )


def oracle(chunks: Tensor) -> TrainedPolicy:
    middle, half = torch.full((1, 26), MIDDLE), torch.full((1, 26), HALF)
    normalizer = Normalizer(middle[:, :20], half[:, :20], middle, half)
    encoded = ChunkCodec(normalizer).encode(batch_of(chunks, BOTH, [True, True, True]))
    return TrainedPolicy(Oracle(encoded), normalizer, torch.device("cpu"))


TRUTH = chunk([(0.01, 10.0), (0.02, 20.0), (0.04, 60.0)])
PREDICTED = chunk([(0.01, 10.0), (0.03, 10.0), (0.02, 60.0)])
BOTH = ["right_position", "right_rot6d"]


def test_errors_are_means_over_known_steps_and_at_the_last_of_them() -> None:
    batch = batch_of(TRUTH, BOTH, [True, True, False])
    (figures,) = evaluate(oracle(PREDICTED), [batch], step=7).embodiments.values()
    # float32 chunks: 1e-4 cm and, as the angle between near-equal rot6d is a root, 0.05 degrees
    assert figures.num_chunks == 1
    assert figures.policy.position_cm == pytest.approx(0.5, abs=1e-4)
    assert figures.policy.final_position_cm == pytest.approx(1.0, abs=1e-4)
    assert figures.policy.rotation_deg == pytest.approx(5.0, abs=0.05)
    assert figures.policy.final_rotation_deg == pytest.approx(10.0, abs=0.05)
    assert figures.still.position_cm == pytest.approx(1.5, abs=1e-4)
    assert figures.still.final_position_cm == pytest.approx(2.0, abs=1e-4)
    assert figures.still.rotation_deg == pytest.approx(15.0, abs=0.05)
    assert figures.still.final_rotation_deg == pytest.approx(20.0, abs=0.05)


def test_rotation_that_is_masked_is_not_judged() -> None:
    batch = batch_of(TRUTH, ["right_position"], [True, True, True])
    evaluation = evaluate(oracle(PREDICTED), [batch], step=7)
    (figures,) = evaluation.embodiments.values()
    assert figures.policy.rotation_deg is None
    assert figures.still.final_rotation_deg is None
    assert list(evaluation_table(evaluation).columns[-1].cells) == ["-", "-"]


def test_the_truth_is_without_error_and_nothing_held_out_is_no_figure() -> None:
    batch = batch_of(TRUTH, BOTH, [True, True, True])
    (figures,) = evaluate(oracle(TRUTH), [batch], step=7).embodiments.values()
    assert figures.policy.position_cm == pytest.approx(0.0, abs=1e-4)
    assert figures.policy.final_rotation_deg == pytest.approx(0.0, abs=0.05)
    assert evaluate(oracle(TRUTH), [], step=7).embodiments == {}
