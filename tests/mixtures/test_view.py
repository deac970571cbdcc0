"""History and further cameras: what came before now, and what other cameras saw, masked where there is nothing."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from builders import encode, make_episode, write_source
from mixture_builders import masked_track

from humandata.actions import encode_states
from humandata.dataset.read import find_sources
from humandata.errors import UsageError
from humandata.mixtures.loader import MixtureLoader
from humandata.mixtures.mix import mix
from humandata.mixtures.options import MixOptions
from humandata.schemas.episode import Episode
from humandata.schemas.mixture import ActionSpace

RATE_HZ = 20.0


def with_wrist(episode: Episode) -> Episode:
    """A further camera that sees one colour, ten times the step's number."""
    images = [encode(np.full((48, 64, 3), 6 * step, np.uint8)) for step in range(episode.num_steps)]
    return replace(episode, images={**episode.images, "image_wrist": images})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A robot with a wrist camera and a hand without one, both at RATE_HZ."""
    shards, out = tmp_path / "shards", tmp_path / "mixture.json"
    write_source(shards / "hands", [make_episode(seed, "human_hands", rate_hz=RATE_HZ) for seed in range(3)])
    write_source(shards / "robot", [with_wrist(make_episode(seed)) for seed in range(3)])
    space = ActionSpace(horizon=3, rate_hz=RATE_HZ)
    mix([shards], out, MixOptions(robot_ratio=0.5, batch_size=16, action_space=space, image_size_px=16))
    return out


def test_a_further_camera_is_masked_where_a_source_lacks_it(path: Path) -> None:
    for batch in islice(MixtureLoader(path, cameras=("wrist",)), 3):
        has_wrist = torch.tensor([name == "franka_panda" for name in batch.embodiment])
        assert torch.equal(batch.further_mask["wrist"], has_wrist)
        assert batch.further["wrist"].shape == batch.image.shape
        assert not batch.further["wrist"][~has_wrist].any()
        assert batch.further["wrist"][has_wrist].flatten(1).any(dim=1).float().mean() > 0.5  # step 0 is black


def test_a_camera_that_no_source_has_is_refused(path: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown camera 'wirst'. Did you mean 'wrist'"):
        MixtureLoader(path, cameras=("wirst",))


def test_history_is_what_was_at_the_mixtures_rate_before_now(path: Path) -> None:
    shards = path.parent / "shards"
    sources = {source.document.embodiments[0]: source for source in find_sources(shards)}
    batch = next(iter(MixtureLoader(path, cameras=("wrist",), history=3)))
    past = batch.history
    assert past is not None
    assert past.images["image"].shape == (16, 3, 3, 16, 16)
    assert torch.equal(past.images["image"][:, -1], batch.image)
    assert torch.equal(past.images["wrist"][:, -1], batch.further["wrist"])
    assert torch.equal(past.state[:, -1], batch.state)
    assert past.image_mask["image"][:, -1].all()
    # The wrist's colour tells the step, 6 a step: JPEG keeps one colour exactly to within a unit or two.
    step = (past.images["wrist"][..., 4:12, :].float().mean(dim=(2, 3, 4)) / 6).round()  # between the black bars
    seen = past.image_mask["wrist"]
    for sample in [place for place, name in enumerate(batch.embodiment) if name == "franka_panda"]:
        now = int(step[sample, -1])
        assert seen[sample].tolist() == [now >= 2, now >= 1, True]
        assert step[sample][seen[sample]].tolist() == [now - back for back in (2, 1, 0) if now >= back]
    for sample, name in enumerate(batch.embodiment):
        ids = sources[name].episodes(["id"]).column("id").to_pylist()
        every = [encode_states(masked_track(sources[name], each), np.arange(40))[0] for each in ids]
        states = np.concatenate(every).astype(np.float32)
        now_at = int(np.flatnonzero((states == batch.state[sample].numpy()).all(axis=1))[0])
        for back in (1, 2):
            if past.image_mask["image"][sample, -1 - back]:
                np.testing.assert_array_equal(past.state[sample, -1 - back].numpy(), states[now_at - back])
            else:
                assert now_at % 40 < back
                assert not past.state_mask[sample, -1 - back].any()
    assert not past.images["image"][~past.image_mask["image"]].any()


def test_history_changes_nothing_else(path: Path) -> None:
    plain, shown = next(iter(MixtureLoader(path))), next(iter(MixtureLoader(path, history=2, num_workers=1)))
    assert plain.history is None
    for name in ("image", "state", "state_mask", "action", "action_mask", "sample", "weight"):
        assert torch.equal(getattr(plain, name), getattr(shown, name)), name


def test_weights_undo_the_mixture(tmp_path: Path, path: Path) -> None:
    """Drawn for one half each, of 3 episodes here and 6 there."""
    write_source(path.parent / "shards" / "robot", [with_wrist(make_episode(seed)) for seed in range(3, 7)])
    out = tmp_path / "other.json"
    mix([path.parent / "shards"], out, MixOptions(robot_ratio=0.5, batch_size=16, image_size_px=8))
    loader = MixtureLoader(out, images=False)
    sizes = {source.name: source.training.num_steps for source in loader.mixture.sources}
    batch = next(iter(loader))
    for name, weight in zip(batch.embodiment, batch.weight.tolist(), strict=True):
        share = sizes["robot" if name == "franka_panda" else "hands"] / sum(sizes.values())
        assert weight == pytest.approx(0.5 / share)


def test_moving_a_batch_keeps_all_of_it(path: Path) -> None:
    batch = next(iter(MixtureLoader(path, cameras=("wrist",), history=2)))
    moved = batch.to("cpu")
    assert moved.history is not None
    assert batch.history is not None
    assert torch.equal(moved.history.images["wrist"], batch.history.images["wrist"])
    assert torch.equal(moved.further["wrist"], batch.further["wrist"])
    assert moved.text == batch.text
    assert batch.to("meta").history is not None
    assert batch.to("meta").weight.device.type == "meta"


def test_one_batch_may_be_asked_for_by_number(path: Path) -> None:
    loader = MixtureLoader(path)
    third = list(islice(MixtureLoader(path), 3))[2]
    assert torch.equal(loader.batch(2).action, third.action)
    assert loader.samples_consumed == 0
