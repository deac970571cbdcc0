"""`mixture.json`, the manifest: everything training needs to know of its data, frozen."""

from __future__ import annotations

import hashlib
import math
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from humandata.errors import DatasetError
from humandata.schemas.columns import SCHEMA_VERSION
from humandata.schemas.documents import Document, canonical_json, read_document, read_json

HumanGripper = Literal["mask", "aperture"]
ImageFit = Literal["letterbox", "resize"]
Unit = Literal["samples", "episodes", "seconds"]
SplitUnit = Literal["episode", "task", "scene"]

RATIO_DECIMALS = 6
"""Of the ratios of a curriculum, so that sums over any number of samples fit into 64 bits."""
MAX_CURRICULUM_STRETCH = 2**31
"""Samples between two points of a curriculum, for the same reason."""


class StepCounts(Document):
    """How many eligible steps there are, those whose action is known for an arm from the first target on."""

    num_steps: NonNegativeInt
    num_episodes: NonNegativeInt


class IndexRecord(Document):
    """The companion file that lists the eligible steps."""

    file: str = Field(description="name, in the folder of the manifest")
    sha256: str = Field(description="of the file's content; another one is an error")


class MixtureSource(Document):
    """One shard source and how it takes part."""

    name: str
    path: str = Field(description="relative to the folder of the manifest where possible")
    fingerprint: str = Field(description="of source.json when the mixture was made; another one is an error")
    group: str
    weight: NonNegativeFloat = Field(description="share within the group, relative to the group's other sources")
    slowdown: PositiveFloat = Field(description="how much slower than recorded the motion is to be played")
    static_camera: bool = Field(description="the user declares that the camera stood still")
    mask_rotation: bool
    median_speed: NonNegativeFloat | None = Field(description="of the end effectors as played, in m/s")
    training: StepCounts
    held_out: StepCounts
    rate_hz: PositiveFloat | None = Field(
        default=None, description="training steps a second of recording; null where the unit does not need it"
    )


class CurriculumPoint(Document):
    """The share of a group at a sample."""

    sample: NonNegativeInt
    ratio: float = Field(ge=0, le=1, description=f"to {RATIO_DECIMALS} decimals")

    @model_validator(mode="after")
    def _few_decimals(self) -> CurriculumPoint:
        if round(self.ratio, RATIO_DECIMALS) != self.ratio:
            raise ValueError(f"a ratio of a curriculum has at most {RATIO_DECIMALS} decimals, found {self.ratio!r}")
        return self


class Curriculum(Document):
    """A group whose share changes: linear in the number of the sample between points, constant before and after."""

    group: str
    points: tuple[CurriculumPoint, ...] = Field(min_length=1)
    others: dict[str, NonNegativeFloat] = Field(
        min_length=1, description="share of what the group leaves, by every other group"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Curriculum:
        samples = [point.sample for point in self.points]
        stretches = [later - earlier for earlier, later in pairwise([0, *samples])]
        if any(stretch <= 0 for stretch in stretches[1:]):
            raise ValueError(f"the samples of the points must increase, found {samples}")
        if any(stretch > MAX_CURRICULUM_STRETCH for stretch in stretches):
            raise ValueError(f"two points are more than {MAX_CURRICULUM_STRETCH:,} samples apart; put one between them")
        if self.group in self.others:
            raise ValueError(f"'{self.group}' is the group that changes, and cannot be among the others")
        if not math.isclose(sum(self.others.values()), 1.0, abs_tol=1e-9):
            raise ValueError(f"the shares of the others must sum to 1, found {sum(self.others.values()):g}")
        return self

    def ratios(self, ratio: float) -> dict[str, float]:
        """The share of every group where the group that changes has the share `ratio`."""
        left = 1 - Fraction(repr(ratio))
        return {self.group: ratio} | {name: float(left * Fraction(repr(share))) for name, share in self.others.items()}


class ActionSpace(Document):
    """The common grid of action chunks, and what of a human gripper is used."""

    horizon: PositiveInt = 50
    rate_hz: PositiveFloat = 30.0
    human_gripper: HumanGripper = "mask"


class Split(Document):
    """Which episodes are held out: those whose key hashes below the fraction, at least one key where there are two.

    The key is the episode's id, its task (the same tasks of all sources) or its scene (the SHA-256 of the recording
    that it was cut from); what shares a key is held out together.
    """

    unit: SplitUnit = "episode"
    held_out_fraction: float = Field(default=0.1, ge=0, lt=1)


class Selection(Document):
    """Which episodes were asked for."""

    where: str | None = Field(default=None, description="SQL condition over the columns of episodes.parquet")
    tasks: tuple[str, ...] = Field(default=(), description="tasks, with * and ? as wildcards; none: all")


class Statistics(Document):
    """Of each dimension, over the known values of the eligible training steps; 0, 1, -1, 1 where there is none."""

    num_values: tuple[NonNegativeInt, ...]
    mean: tuple[float, ...]
    std: tuple[NonNegativeFloat, ...]
    q01: tuple[float, ...]
    q99: tuple[float, ...]

    @model_validator(mode="after")
    def _lengths_agree(self) -> Statistics:
        if len({len(column) for column in (self.num_values, self.mean, self.std, self.q01, self.q99)}) != 1:
            raise ValueError("num_values, mean, std, q01 and q99 must have the same length")
        return self


class EmbodimentStatistics(Document):
    """Of one embodiment's states (20 dimensions) and actions (26)."""

    state: Statistics
    action: Statistics


class Mixture(Document):
    """The document `mixture.json`."""

    schema_version: str
    tool_version: str
    unit: Unit = Field(default="samples", description="what ratios and weights are shares of")
    groups: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        description="share by group; where there is a curriculum, after its last point"
    )
    curriculum: Curriculum | None = None
    batch_size: PositiveInt
    seed: NonNegativeInt
    max_repeats: PositiveFloat = Field(
        description="how often a source may be passed for each pass over the source passed least"
    )
    action_space: ActionSpace
    image_size_px: PositiveInt
    image_fit: ImageFit = "letterbox"
    split: Split
    selection: Selection = Selection()
    index: IndexRecord
    sources: tuple[MixtureSource, ...] = Field(min_length=1)
    normalization: dict[str, EmbodimentStatistics] = Field(description="by embodiment")

    @model_validator(mode="after")
    def _parts_agree(self) -> Mixture:
        if not math.isclose(sum(self.groups.values()), 1.0, abs_tol=1e-9):
            raise ValueError(f"the ratios of groups must sum to 1, found {sum(self.groups.values()):g}")
        names = [source.name for source in self.sources]
        if len(set(names)) < len(names):
            raise ValueError("two sources have the same name")
        for source in self.sources:
            if source.group not in self.groups:
                raise ValueError(f"source '{source.name}' is of group '{source.group}', which groups does not name")
            if self.unit == "seconds" and source.rate_hz is None and source.training.num_steps:
                raise ValueError(f"source '{source.name}' has no rate_hz, which ratios in seconds need")
        self._check_curriculum()
        for group in self.drawn_groups:
            if not any(s.group == group and s.weight > 0 and s.training.num_steps > 0 for s in self.sources):
                raise ValueError(f"group '{group}' is to be drawn from but has no source with steps and a weight")
        return self

    def _check_curriculum(self) -> None:
        if self.curriculum is None:
            return
        last = self.curriculum.ratios(self.curriculum.points[-1].ratio)
        if last.keys() != self.groups.keys() or any(
            not math.isclose(ratio, last[group], abs_tol=1e-9) for group, ratio in self.groups.items()
        ):
            raise ValueError(f"groups must be the ratios after the curriculum's last point, {last}")

    @property
    def drawn_groups(self) -> tuple[str, ...]:
        """The groups that ever have a share."""
        if self.curriculum is None:
            return tuple(group for group, ratio in self.groups.items() if ratio > 0)
        return (self.curriculum.group, *(group for group, share in self.curriculum.others.items() if share > 0))

    @property
    def manifest_sha256(self) -> str:
        """SHA-256 of the canonical JSON: the same for the same content, however the file is laid out.

        Fields that came later count where they are set, so that a manifest of an earlier version keeps its hash.
        """
        content = self.model_dump(mode="json")
        for part, field in ((content, "curriculum"), *((source, "rate_hz") for source in content["sources"])):
            if part[field] is None:
                del part[field]
        return hashlib.sha256(canonical_json(content).encode()).hexdigest()

    @property
    def embodiments(self) -> tuple[str, ...]:
        """Embodiments in order of name: their indices in a batch."""
        return tuple(sorted(self.normalization))


def read_mixture(path: Path) -> Mixture:
    """The manifest in a file; DatasetError naming the field that is wrong, or the version it was written by."""
    if not path.exists():
        raise DatasetError(f"{path}: no mixture here. Make it with `humandata mix`.")
    try:
        mixture = read_document(Mixture, path, DatasetError)
    except DatasetError:
        content = read_json(path, DatasetError)
        if isinstance(content, dict) and "sources" in content and "index" not in content:
            raise DatasetError(
                f"{path}: names no index of eligible steps, as earlier versions kept them in the manifest. "
                "Make it again with `humandata mix`."
            ) from None
        raise
    if mixture.schema_version.split(".")[0] != SCHEMA_VERSION.split(".")[0]:
        raise DatasetError(
            f"{path}: written with schema version {mixture.schema_version}; this version reads {SCHEMA_VERSION}. "
            "Make it again with `humandata mix`."
        )
    return mixture
