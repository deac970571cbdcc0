"""What a user may choose of a mixture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from humandata.actions import ActionGrid
from humandata.errors import UsageError, unknown_name
from humandata.schemas.mixture import ActionSpace, CurriculumPoint, ImageFit, SplitUnit, Unit

HUMAN, ROBOT = "human", "robot"
"""Groups of sources that are given none, by the body that acts."""


@dataclass(frozen=True)
class MixOptions:
    """Sources are named as in the shard folder."""

    robot_ratio: float | None = None
    """Share of the group `robot` in [0, 1]; short for `ratios`."""
    ratios: Mapping[str, float] = field(default_factory=dict)
    """Share by group; groups that are not named share the rest alike."""
    groups: Mapping[str, str] = field(default_factory=dict)
    """Group by source, in which * and ? are wildcards; by default `human` or `robot`, by the body that acts."""
    curriculum: tuple[str, tuple[CurriculumPoint, ...]] | None = None
    """A group whose share changes, and its points."""
    unit: Unit = "samples"
    """What ratios and weights are shares of, and what sources are measured in."""
    batch_size: int = 64
    action_space: ActionSpace = field(default_factory=ActionSpace)
    image_size_px: int = 224
    image_fit: ImageFit = "letterbox"
    held_out_fraction: float = 0.1
    split: SplitUnit = "episode"
    """What is held out as a whole."""
    seed: int = 0
    max_repeats: float = 100.0
    weights: Mapping[str, float] = field(default_factory=dict)
    """Share within the group, by source; by default its size, in `unit`, to the power of `size_alpha`."""
    size_alpha: float = 1.0
    """1: every step is drawn as often; 0: every source; between them, small sources gain."""
    where: str | None = None
    """SQL condition over the episodes' tables that episodes must satisfy to take part."""
    tasks: tuple[str, ...] = ()
    """Tasks that take part, with * and ? as wildcards; by default all."""
    slowdowns: Mapping[str, float] = field(default_factory=dict)
    static_cameras: tuple[str, ...] = ()
    """Sources whose camera stood still, as the user declares."""
    mask_rotations: tuple[str, ...] = ()

    @property
    def asked_ratios(self) -> dict[str, float]:
        """The ratios asked for, `robot_ratio` among them."""
        return dict(self.ratios) | ({} if self.robot_ratio is None else {ROBOT: self.robot_ratio})

    def group(self, source: str, default: str) -> str:
        """The group of a source: what the last pattern that it matches says."""
        return next(
            (group for pattern, group in reversed(list(self.groups.items())) if fnmatchcase(source, pattern)), default
        )

    def grid(self, source: str) -> ActionGrid:
        """The times of the targets of a source's chunks."""
        return ActionGrid(self.action_space.horizon, self.action_space.rate_hz, self.slowdowns.get(source, 1.0))

    def check(self, sources: Iterable[str]) -> None:
        """Raise UsageError where a number is out of its range, or a source is named that there is not."""
        known = list(sources)
        for pattern in self.groups:
            if not any(fnmatchcase(name, pattern) for name in known):
                raise unknown_name("source", pattern, known)
        for name in (*self.weights, *self.slowdowns, *self.static_cameras, *self.mask_rotations):
            if name not in known:
                raise unknown_name("source", name, known)
        for group, ratio in self.asked_ratios.items():
            if not 0.0 <= ratio <= 1.0:
                raise UsageError(f"the ratio of '{group}' is a share, from 0 to 1, not {ratio:g}.")
        if not 0.0 <= self.size_alpha <= 1.0:
            raise UsageError(f"--size-alpha is from 0 (sources alike) to 1 (steps alike), not {self.size_alpha:g}.")
        if not 0.0 <= self.held_out_fraction < 1.0:
            raise UsageError(f"the held-out fraction is from 0 to below 1, not {self.held_out_fraction:g}.")
        for name, weight in self.weights.items():
            if not weight >= 0.0:
                raise UsageError(f"the weight of '{name}' must not be negative, but is {weight:g}.")
        for name, slowdown in self.slowdowns.items():
            if not slowdown > 0.0:
                raise UsageError(f"the slowdown of '{name}' must be above 0, but is {slowdown:g}.")
