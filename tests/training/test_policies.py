"""Every policy learns, ignores what is masked, samples reproducibly, and keeps its weights."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from reaching import SPEC, reaching_batch

from humandata.errors import UsageError
from humandata.training.policies import POLICIES, get_policy
from humandata.training.policy import Policy, PolicySpec, TrainingBatch

torch.set_num_threads(1)  # networks this small only wait for each other's threads, for minutes on a busy machine


def made(name: str, spec: PolicySpec) -> Policy:
    torch.manual_seed(0)
    policy = get_policy(name)(spec)
    for parameter in policy.parameters():  # layers that begin at zero would hide a leak
        torch.nn.init.normal_(parameter, std=0.1) if not parameter.any() else None
    return policy


@pytest.fixture(params=sorted(POLICIES))
def policy(request: pytest.FixtureRequest) -> Policy:
    return made(request.param, SPEC)


@pytest.fixture
def batch() -> TrainingBatch:
    """Eight moments, in which some steps and dimensions of state and action are masked here and there."""
    batch = reaching_batch(8, seed=1)
    random = torch.Generator().manual_seed(2)
    state_mask = torch.rand(batch.observation.state.shape, generator=random) < 0.5
    action_mask = torch.rand(batch.action.shape, generator=random) < 0.5
    return replace(batch, observation=replace(batch.observation, state_mask=state_mask), action_mask=action_mask)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def loss_and_gradient(policy: Policy, batch: TrainingBatch) -> tuple[torch.Tensor, list[torch.Tensor]]:
    loss = policy.loss(batch.observation, batch.action, batch.action_mask, generator())
    return loss.detach(), [
        g for g in torch.autograd.grad(loss, list(policy.parameters()), allow_unused=True) if g is not None
    ]


def test_loss_is_finite_and_falls_on_one_batch(policy: Policy) -> None:
    batch = reaching_batch(8, seed=3)
    optimizer = torch.optim.AdamW(policy.parameters(), lr=1e-3)
    losses = []
    for _ in range(30):
        loss = policy.loss(batch.observation, batch.action, batch.action_mask, generator())
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.item())
    assert torch.isfinite(torch.tensor(losses)).all()
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("garbage", [1e6, float("nan")])
def test_masked_values_change_neither_loss_nor_gradient(policy: Policy, batch: TrainingBatch, garbage: float) -> None:
    spoiled = TrainingBatch(
        observation=replace(
            batch.observation,
            state=torch.where(batch.observation.state_mask, batch.observation.state, garbage),
        ),
        action=torch.where(batch.action_mask, batch.action, garbage),
        action_mask=batch.action_mask,
    )
    loss, gradient = loss_and_gradient(policy, batch)
    spoiled_loss, spoiled_gradient = loss_and_gradient(policy, spoiled)
    assert torch.equal(loss, spoiled_loss)
    assert all(torch.equal(a, b) for a, b in zip(gradient, spoiled_gradient, strict=True))


def test_masked_entries_of_an_action_get_no_gradient(policy: Policy, batch: TrainingBatch) -> None:
    action = batch.action.clone().requires_grad_()
    loss = policy.loss(batch.observation, action, batch.action_mask, generator())
    (gradient,) = torch.autograd.grad(loss, action)
    assert (gradient[~batch.action_mask] == 0).all()
    assert (gradient[batch.action_mask] != 0).any()


def test_a_batch_with_nothing_known_teaches_nothing(policy: Policy, batch: TrainingBatch) -> None:
    loss, gradient = loss_and_gradient(policy, replace(batch, action_mask=torch.zeros_like(batch.action_mask)))
    assert loss == 0
    assert all((each == 0).all() for each in gradient)


@pytest.mark.parametrize("answer", ["sample", "expect"])
def test_a_masked_state_does_not_influence_an_answer(policy: Policy, batch: TrainingBatch, answer: str) -> None:
    wanted = batch.action_mask.any(dim=1)
    observation = batch.observation
    spoiled = replace(observation, state=torch.where(observation.state_mask, observation.state, 9.0))
    chunk = getattr(policy, answer)(observation, wanted, generator())
    assert torch.equal(chunk, getattr(policy, answer)(spoiled, wanted, generator()))


@pytest.mark.parametrize("answer", ["sample", "expect"])
def test_an_answer_has_the_shape_of_a_chunk_and_only_what_is_wanted(
    policy: Policy, batch: TrainingBatch, answer: str
) -> None:
    wanted = torch.zeros(8, SPEC.action_dim, dtype=torch.bool)
    wanted[:, 3:7] = True
    chunk = getattr(policy, answer)(batch.observation, wanted, generator())
    assert chunk.shape == (8, SPEC.horizon, SPEC.action_dim)
    assert (chunk[..., :3] == 0).all()
    assert (chunk[..., 7:] == 0).all()
    assert (chunk[..., 3:7] != 0).all()


def test_a_seed_decides_the_sample(policy: Policy, batch: TrainingBatch) -> None:
    wanted = torch.ones(8, SPEC.action_dim, dtype=torch.bool)
    first = policy.sample(batch.observation, wanted, generator(1))
    assert torch.equal(first, policy.sample(batch.observation, wanted, generator(1)))
    assert not torch.equal(first, policy.sample(batch.observation, wanted, generator(2)))


def test_the_expected_chunk_varies_less_than_samples_do(policy: Policy, batch: TrainingBatch) -> None:
    wanted = torch.ones(8, SPEC.action_dim, dtype=torch.bool)
    spread = {
        answer: torch.stack(
            [getattr(policy, answer)(batch.observation, wanted, generator(seed)) for seed in range(8)]
        ).std(dim=0)
        for answer in ("sample", "expect")
    }
    assert spread["expect"].mean() < 0.5 * spread["sample"].mean()


@pytest.mark.parametrize("answer", ["sample", "expect"])
@pytest.mark.parametrize("name", sorted(POLICIES))
def test_an_answer_is_smooth(name: str, answer: str) -> None:
    spec = replace(SPEC, horizon=50)
    batch = reaching_batch(4, seed=1, spec=spec)
    wanted = torch.ones(4, SPEC.action_dim, dtype=torch.bool)
    chunk = getattr(made(name, spec), answer)(batch.observation, wanted, generator())
    bend = chunk.diff(n=2, dim=1)[:, 5:-5].std() / chunk.std()
    assert bend < 0.2  # of 50 steps of white noise: 2.4


def test_everything_that_is_observed_matters(policy: Policy, batch: TrainingBatch) -> None:
    seen = batch.observation
    changed = {
        "image": replace(seen, image=255 - seen.image),
        "text": replace(seen, text=("pour the tea",) * 8),
        "state": replace(seen, state=seen.state + 1.0),
        "embodiment": replace(seen, embodiment_index=1 - seen.embodiment_index),
    }
    wanted = torch.ones(8, SPEC.action_dim, dtype=torch.bool)
    chunk = policy.sample(seen, wanted, generator())
    for name, observation in changed.items():
        assert not torch.allclose(chunk, policy.sample(observation, wanted, generator()), atol=1e-6), name


def test_weights_make_the_same_policy(policy: Policy, batch: TrainingBatch) -> None:
    torch.manual_seed(1)
    twin = type(policy)(SPEC)
    twin.load_state_dict(policy.state_dict())
    wanted = torch.ones(8, SPEC.action_dim, dtype=torch.bool)
    assert torch.equal(
        policy.sample(batch.observation, wanted, generator()), twin.sample(batch.observation, wanted, generator())
    )


@pytest.mark.parametrize(("horizon", "image_size_px"), [(1, 32), (7, 100), (50, 224)])
def test_any_horizon_and_image_size(policy: Policy, horizon: int, image_size_px: int) -> None:
    spec = replace(SPEC, horizon=horizon, image_size_px=image_size_px)
    batch = reaching_batch(2, seed=0, spec=spec)
    chunk = type(policy)(spec).sample(batch.observation, batch.action_mask.any(dim=1), generator())
    assert chunk.shape == batch.action.shape


def test_an_unknown_policy_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean 'flow_matching'"):
        get_policy("flow_match")
