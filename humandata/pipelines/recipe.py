"""Recipes: every number that decides what `extract` makes of a video. A recipe's hash is provenance and resume key."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from humandata.camera_motion.settings import MotionChoice, MotionSettings
from humandata.dataset.identity import content_sha256
from humandata.errors import UsageError, unknown_name
from humandata.filters import FILTERS
from humandata.hands.estimator import DetectSettings
from humandata.schemas.changes import apply_changes
from humandata.schemas.documents import Document, parse_document
from humandata.schemas.source import RecipeRecord
from humandata.trajectories.build import TrackSettings
from humandata.video.decode import STALL_TIMEOUT_S


class DecodeSettings(Document):
    """How a video is read."""

    rate_hz: PositiveFloat = Field(default=30.0, description="detect hands at up to this rate, by true timestamps")
    max_side_px: PositiveInt = Field(default=640, description="longer side of the picture; never enlarged")
    part_s: PositiveFloat = Field(
        default=120.0, description="a video longer than this is looked at in parts of up to this length, side by side"
    )
    overlap_s: NonNegativeFloat = Field(
        default=2.0, description="looked at beyond both ends of a part, so that a hand is found there as in one pass"
    )
    chapter_frames: PositiveInt = Field(
        default=9000,
        description="of a video in parts, about so many frames looked at are made into episodes at once (5 minutes at "
        "30 Hz), which bounds the memory; an episode ends with its chapter",
    )
    stall_timeout_s: PositiveFloat = Field(
        default=STALL_TIMEOUT_S, description="silence after which a decoder counts as hung; more for slow storage"
    )


class CameraSettings(MotionSettings):
    """What is assumed of the camera where a sidecar does not say it, and how its motion is found."""

    horizontal_fov_deg: float = Field(
        default=65.0, gt=10.0, lt=170.0, description="of the picture; a phone's main camera has 60 to 70"
    )
    motion: MotionChoice = Field(
        default="auto",
        description="auto: still or moving as the background says, and where it moves by depth maps or structure from "
        "motion; background: still or moving, and no more; static: the user vouches for it; sidecar: as the sidecar "
        "says, else unknown; rgbd, sfm: by that",
    )

    @property
    def horizontal_fov(self) -> float:
        """The field of view in radians."""
        return math.radians(self.horizontal_fov_deg)


class PersonSettings(Document):
    """What is known of the person where a sidecar does not say it."""

    hand_length_m: float | None = Field(
        default=None,
        ge=0.08,
        le=0.3,
        description="measured from the wrist crease to the tip of the middle finger; null: not known",
    )


class StoreSettings(Document):
    """What is kept of the picture."""

    rate_hz: PositiveFloat = Field(default=15.0, description="steps a second")
    jpeg_quality: int = Field(default=90, ge=1, le=100)


class Recipe(Document):
    """Everything that decides what becomes of a video."""

    decode: DecodeSettings = DecodeSettings()
    camera: CameraSettings = CameraSettings()
    person: PersonSettings = PersonSettings()
    detect: DetectSettings = DetectSettings()
    track: TrackSettings = TrackSettings()
    store: StoreSettings = StoreSettings()
    filters: dict[str, dict[str, Any]] = Field(
        default={name: {} for name in FILTERS}, description="settings by filter; one that is not named is not applied"
    )


_MAX_DEPTH = 50
_OPENING = (
    yaml.FlowSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.BlockMappingStartToken,
)
_CLOSING = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)


def recipes_folder() -> Path:
    """Where the recipes lie: packed into the package, or beside it in a checkout."""
    packed = Path(__file__).parent / "recipes"
    return packed if packed.is_dir() else Path(__file__).resolve().parents[2] / "pipelines"


def list_recipes() -> dict[str, Path]:
    """The recipes that come with the package, by name."""
    return {path.stem: path for path in sorted(recipes_folder().glob("*.yaml"))}


def load_recipe(name_or_path: str = "default", changes: Sequence[str] = ()) -> Recipe:
    """A recipe by name or from a YAML file, with changes such as `decode.rate_hz=15`; raises UsageError."""
    path = Path(name_or_path)
    if path.suffix not in {".yaml", ".yml"}:
        known = list_recipes()
        if name_or_path not in known:
            raise unknown_name("recipe", name_or_path, known)
        path = known[name_or_path]
    try:
        content: Any = _parse_yaml(path.read_text(encoding="utf-8")) or {}
    except OSError as failure:
        raise UsageError(f"{path}: cannot be read ({failure.strerror}).") from None
    except (yaml.YAMLError, ValueError, RecursionError) as failure:  # ValueError: no UTF-8, a number of 5,000 digits
        raise UsageError(f"{path}: not valid YAML ({' '.join(str(failure).split())}).") from None
    origin = f"recipe {path}"
    if changes:
        apply_changes(content, changes)
        origin = f"recipe '{path.stem}' with --set"
    return parse_document(Recipe, content, origin, UsageError)


def _parse_yaml(text: str) -> Any:
    """What a YAML document holds; of one that nests deeper than any recipe, parsing would take for ever."""
    depth = 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
        if depth > _MAX_DEPTH:
            raise yaml.YAMLError(f"nested deeper than {_MAX_DEPTH} levels")
    return yaml.safe_load(text)


def recipe_record(name: str, recipe: Document, **tools: str) -> RecipeRecord:
    """The recipe as a source records it: its whole content, the `tools` that it runs, and the hash of both."""
    content = {**recipe.model_dump(mode="json"), "tools": tools}
    return RecipeRecord(name=name, sha256=content_sha256(content), content=content)
