"""`mixture.json`, the manifest: everything training needs to know of its data, frozen."""

from __future__ import annotations

import hashlib
import math
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


class ActionSpace(Document):
    """The common grid of action chunks, and what of a human gripper is used."""

    horizon: PositiveInt = 50
    rate_hz: PositiveFloat = 30.0
    human_gripper: HumanGripper = "mask"


class Split(Document):
    """Which episodes are held out: those whose id hashes below the fraction, at least one of a source that has two."""

    unit: Literal["episode"] = "episode"
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
    unit: Literal["samples"] = "samples"
    groups: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(description="share of the samples, by group")
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
        for group, ratio in self.groups.items():
            drawn = any(s.group == group and s.weight > 0 and s.training.num_steps > 0 for s in self.sources)
            if ratio > 0 and not drawn:
                raise ValueError(f"group '{group}' has the ratio {ratio:g} but no source with steps and a weight")
        return self

    @property
    def manifest_sha256(self) -> str:
        """SHA-256 of the canonical JSON: the same for the same content, however the file is laid out."""
        return hashlib.sha256(canonical_json(self.model_dump(mode="json")).encode()).hexdigest()

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
