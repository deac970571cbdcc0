"""What tests of mixtures share: manifests without shards, and tracks read without packs."""

from __future__ import annotations

from hypothesis import strategies as st

from humandata import __version__
from humandata.actions import ActionPolicy, ActionTrack, make_track
from humandata.dataset.read import ShardSource
from humandata.embodiments import get_embodiment
from humandata.schemas.columns import SCHEMA_VERSION
from humandata.schemas.mixture import (
    ActionSpace,
    Curriculum,
    CurriculumPoint,
    IndexRecord,
    Mixture,
    MixtureSource,
    Split,
    StepCounts,
    Unit,
)

NOTHING = StepCounts(num_steps=0, num_episodes=0)


def mixture_source(name: str, group: str, num_steps: int, weight: float | None = None) -> MixtureSource:
    """A source of one training episode."""
    return MixtureSource(
        name=name,
        path=f"shards/{name}",
        fingerprint="0" * 64,
        group=group,
        weight=float(num_steps) if weight is None else weight,
        slowdown=1.0,
        static_camera=False,
        mask_rotation=False,
        median_speed=None,
        training=StepCounts(num_steps=num_steps, num_episodes=1),
        held_out=NOTHING,
    )


def make_mixture(
    sources: list[MixtureSource], groups: dict[str, float], batch_size: int = 10, seed: int = 0
) -> Mixture:
    """A valid manifest of these sources."""
    return Mixture(
        schema_version=SCHEMA_VERSION,
        tool_version=__version__,
        groups=groups,
        batch_size=batch_size,
        seed=seed,
        max_repeats=100.0,
        action_space=ActionSpace(),
        image_size_px=64,
        split=Split(),
        index=IndexRecord(file="mixture.index.arrow", sha256="0" * 64),
        sources=tuple(sources),
        normalization={},
    )


def with_curriculum(mixture: Mixture, points: list[tuple[int, float]], unit: Unit = "samples") -> Mixture:
    """The mixture with a share of `robot` that changes."""
    curriculum = Curriculum(
        group="robot",
        points=tuple(CurriculumPoint(sample=sample, ratio=ratio) for sample, ratio in points),
        others={"human": 1.0},
    )
    changes = {"curriculum": curriculum, "groups": curriculum.ratios(points[-1][1]), "unit": unit}
    return Mixture.model_validate(mixture.model_dump() | changes)


def curricula() -> st.SearchStrategy[list[tuple[int, float]]]:
    """Points of curricula within the first thousand samples, ratios of 0 and 1 among them; or none."""
    ratio = st.sampled_from([0.0, 1.0, 0.95, 0.5, 0.123456, 1e-6])
    point = st.tuples(st.integers(0, 1000), ratio)
    return st.one_of(st.just([]), st.lists(point, min_size=1, max_size=5, unique_by=lambda each: each[0]).map(sorted))


def masked_track(source: ShardSource, episode_id: str) -> ActionTrack:
    """What a mixture with its default terms makes actions of, from the episode as a whole."""
    episode = source.read_episode(episode_id, images=False)
    return make_track(episode, ActionPolicy(mask_gripper=get_embodiment(episode.embodiment).kind == "human"))
