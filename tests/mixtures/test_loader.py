"""The loader gives the samples the sampler names, in one order, whoever loads them and wherever it began."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from builders import make_episode, write_source
from mixture_builders import masked_track

from humandata.actions import ActionGrid, encode_chunks, encode_states
from humandata.errors import DatasetError, UsageError
from humandata.mixtures.batch import Batch
from humandata.mixtures.loader import MixtureLoader, held_out_batches
from humandata.mixtures.manifest import open_sources
from humandata.mixtures.mix import mix
from humandata.mixtures.normalization import Normalizer
from humandata.mixtures.options import MixOptions
from humandata.mixtures.pictures import fit_image
from humandata.mixtures.sampler import MixtureSampler
from humandata.mixtures.step_index import SPAN_SCHEMA, StepIndex, open_index
from humandata.schemas.mixture import ActionSpace, read_mixture


@pytest.fixture
def path(shards: Path, tmp_path: Path) -> Path:
    """A manifest of batches of ten, eight of them robot's."""
    out = tmp_path / "mixture.json"
    options = MixOptions(
        robot_ratio=0.8, batch_size=10, action_space=ActionSpace(horizon=4), image_size_px=32, slowdowns={"robot": 1.5}
    )
    mix([shards], out, options)
    return out


def assert_equal(a: Batch, b: Batch) -> None:
    for name, value in vars(a).items():
        other = getattr(b, name)
        assert torch.equal(value, other) if isinstance(value, torch.Tensor) else value == other


def test_a_batch_holds_what_the_sampler_names(path: Path) -> None:
    mixture = read_mixture(path)
    batch = next(iter(MixtureLoader(path)))
    assert batch.image.shape == (10, 3, 32, 32)
    assert batch.image.dtype == torch.uint8
    assert batch.action.shape == batch.action_mask.shape == (10, 4, 26)
    assert batch.sample.tolist() == list(range(10))
    assert batch.embodiment.count("franka_panda") == 8
    assert [mixture.embodiments[index] for index in batch.embodiment_index] == batch.embodiment
    assert batch.text == ["push"] * 10

    sources, numbers = MixtureSampler(mixture).samples(np.arange(10))
    opened = open_sources(mixture, path.parent)
    index = open_index(mixture, path.parent)
    located = index.locate(sources, numbers)
    episodes = index.texts("episode", located.span)
    for place, (source, episode, step) in enumerate(zip(sources, episodes, located.step[:, None], strict=True)):
        member = mixture.sources[source]
        track = masked_track(opened[source], episode)
        action, mask = encode_chunks(track, step, ActionGrid(4, 30.0, member.slowdown))
        np.testing.assert_array_equal(batch.action[place].numpy(), action[0].astype(np.float32))
        np.testing.assert_array_equal(batch.action_mask[place].numpy(), mask[0])
        np.testing.assert_array_equal(batch.state[place].numpy(), encode_states(track, step)[0][0].astype(np.float32))
    assert not batch.action[~batch.action_mask].any()
    assert batch.action_mask[:, 0].any(dim=-1).all()


def test_workers_and_ranks_change_nothing(path: Path) -> None:
    alone = list(islice(MixtureLoader(path), 4))
    for batch, other in zip(alone, islice(MixtureLoader(path, num_workers=2), 4), strict=True):
        assert_equal(batch, other)
    ranks = [MixtureLoader(path, rank=rank, world_size=3) for rank in range(3)]
    for batch, *shares in zip(alone, *ranks, strict=False):
        assert torch.equal(torch.cat([share.sample for share in shares]), batch.sample)
        assert torch.equal(torch.cat([share.image for share in shares]), batch.image)


def test_resuming_goes_on_where_it_stopped_with_other_workers_and_ranks(path: Path) -> None:
    whole = list(islice(MixtureLoader(path), 5))
    stopped = MixtureLoader(path, num_workers=1)
    for _ in islice(stopped, 3):
        pass
    state = stopped.state_dict()
    assert state == {"manifest_sha256": read_mixture(path).manifest_sha256, "samples_consumed": 30}
    resumed = MixtureLoader(path)
    resumed.load_state_dict(state)
    for batch, other in zip(whole[3:], resumed, strict=False):
        assert_equal(batch, other)
    half = MixtureLoader(path, rank=1, world_size=2)
    half.load_state_dict(state)
    assert torch.equal(next(iter(half)).action, whole[3].action[5:])


def test_another_seed_is_another_order(path: Path) -> None:
    first, other = next(iter(MixtureLoader(path))), next(iter(MixtureLoader(path, seed=5)))
    assert not torch.equal(first.action, other.action)


def test_more_ranks_than_samples_leave_some_with_none(path: Path) -> None:
    sizes = [len(next(iter(MixtureLoader(path, rank=rank, world_size=16))).text) for rank in (0, 1, 15)]
    assert set(sizes) <= {0, 1}


def test_state_of_another_mixture_is_refused(path: Path, shards: Path) -> None:
    state = MixtureLoader(path).state_dict()
    mix([shards], path, MixOptions(seed=1))
    with pytest.raises(DatasetError, match="the run to resume was on the mixture"):
        MixtureLoader(path).load_state_dict(state)
    with pytest.raises(UsageError, match="rank 2"):
        MixtureLoader(path, rank=2, world_size=2)


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_shard_that_changes_while_it_is_read_is_named(path: Path, shards: Path, num_workers: int) -> None:
    loader = MixtureLoader(path, num_workers=num_workers)
    write_source(shards / "robot", [make_episode(9)])
    with pytest.raises(DatasetError, match=r"^source 'robot' has changed"):
        next(iter(loader))


def test_held_out_batches_are_every_stride_of_every_held_out_episode(path: Path) -> None:
    mixture = read_mixture(path)
    batches = list(held_out_batches(path, stride=13, batch_size=4))
    assert torch.cat([batch.sample for batch in batches]).tolist() == list(range(6))
    # One episode of 39 eligible steps each: steps 0, 13 and 26.
    assert [name for batch in batches for name in batch.embodiment] == ["human_hands"] * 3 + ["franka_panda"] * 3
    source = open_sources(mixture, path.parent)[0]
    index = open_index(mixture, path.parent)
    held_out = index.texts("episode", index.every(0, held_out=True, stride=13).span)
    assert len(set(held_out)) == 1
    track = masked_track(source, held_out[0])
    expected = encode_chunks(track, [0, 13, 26], ActionGrid(4, 30.0))[0].astype(np.float32)
    np.testing.assert_array_equal(batches[0].action[:3].numpy(), expected)
    for batch, again in zip(batches, held_out_batches(path, stride=13, batch_size=4), strict=True):
        assert_equal(batch, again)


def test_normalising_puts_the_quantiles_at_one_and_is_undone(path: Path) -> None:
    mixture = read_mixture(path)
    normalizer = Normalizer.of(mixture)
    batch = next(iter(MixtureLoader(path)))
    scaled = normalizer.normalize_action(batch.action, batch.embodiment_index)
    # float32 has 7 digits.
    torch.testing.assert_close(
        normalizer.denormalize_action(scaled, batch.embodiment_index), batch.action, atol=1e-6, rtol=0
    )
    state = normalizer.normalize_state(batch.state, batch.embodiment_index)
    torch.testing.assert_close(
        normalizer.denormalize_state(state, batch.embodiment_index), batch.state, atol=1e-6, rtol=0
    )

    robot = mixture.embodiments.index("franka_panda")
    figures = mixture.normalization["franka_panda"].action
    edges = torch.tensor([[figures.q01], [figures.q99]])
    wide = np.subtract(figures.q99, figures.q01) > 1e-3
    scaled = normalizer.normalize_action(edges, torch.tensor([robot, robot]))[:, 0, wide]
    torch.testing.assert_close(scaled, torch.tensor([[-1.0], [1.0]]).expand(2, int(wide.sum())), atol=1e-3, rtol=0)


def test_numbers_of_steps_run_through_all_spans_of_a_source() -> None:
    spans = [(0, 0, "a", 2, 5), (0, 0, "b", 0, 1), (0, 0, "b", 5, 7), (0, 1, "c", 3, 4), (1, 0, "d", 8, 10)]
    common = {"num_steps": 10, "task": "", "embodiment": "human_hands"}
    columns = ("source", "held_out", "episode", "start", "stop")
    rows = [
        {**common, **dict(zip(columns, span, strict=True)), "first_record": 10 * ord(str(span[2]))} for span in spans
    ]
    index = StepIndex(pa.Table.from_pylist(rows, SPAN_SCHEMA), num_sources=2)
    located = index.locate([0] * 6 + [1, 1], [*range(6), 0, 1])
    named = list(zip(index.texts("episode", located.span), located.step.tolist(), strict=True))
    assert named == [("a", 2), ("a", 3), ("a", 4), ("b", 0), ("b", 5), ("b", 6), ("d", 8), ("d", 9)]
    assert index.every(0, held_out=False, stride=2).step.tolist() == [2, 4, 0, 6]
    assert index.locate([0], [0], held_out=True).step.tolist() == [3]
    assert index.counts(0, held_out=False).model_dump() == {"num_steps": 6, "num_episodes": 2}


def test_a_letterbox_keeps_the_shape_and_a_resize_does_not() -> None:
    wide = np.full((20, 40, 3), 200, np.uint8)
    boxed, stretched = np.full((2, 16, 16, 3), 7, np.uint8)
    fit_image(wide, boxed, "letterbox")
    assert (boxed[4:12] == 200).all()
    assert not boxed[:4].any()
    assert not boxed[12:].any()
    fit_image(wide, stretched, "resize")
    assert (stretched == 200).all()
