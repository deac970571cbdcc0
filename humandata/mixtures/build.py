"""Building the manifest of everything below some shard folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from humandata import __version__
from humandata.dataset.read import ShardSource, find_sources
from humandata.errors import UsageError
from humandata.mixtures.groups import group_of, group_ratios, nothing_eligible
from humandata.mixtures.options import MixOptions
from humandata.mixtures.survey import EmbodimentSketch, survey
from humandata.schemas.columns import SCHEMA_VERSION
from humandata.schemas.mixture import EmbodimentStatistics, Mixture, Split


def build_mixture(
    shards: Sequence[Path],
    options: MixOptions,
    folder: Path,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Mixture:
    """The manifest, to lie in `folder`, of every source below `shards`.

    `progress` is called with the number of episodes that are done, and of all. Raises UsageError for an option that is
    wrong, and DatasetError where a group that the ratio asks for has no source or no eligible step.
    """
    sources = _find(shards)
    options.check(source.document.name for source in sources)
    ratios = group_ratios({group_of(source) for source in sources}, options.robot_ratio, shards)
    sources = [source for source in sources if group_of(source) in ratios]
    total = sum(source.document.counts.episodes for source in sources)
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        progress(done, total)

    sketches: dict[str, EmbodimentSketch] = {}
    members = [survey(source, options, folder, sketches, advance) for source in sources]
    for group in ratios:
        if not any(member.group == group and member.training.num_steps for member in members):
            raise nothing_eligible(group, [source for source in sources if group_of(source) == group])
        if not any(member.group == group and member.training.num_steps and member.weight for member in members):
            raise UsageError(
                f"every {group} source that has eligible steps has the weight 0; give one a weight above 0."
            )
    normalization = {
        name: EmbodimentStatistics(state=sketches[name].state.statistics(), action=sketches[name].action.statistics())
        for name in sorted(sketches)
    }
    return Mixture(
        schema_version=SCHEMA_VERSION,
        tool_version=__version__,
        groups=ratios,
        batch_size=options.batch_size,
        seed=options.seed,
        max_repeats=options.max_repeats,
        action_space=options.action_space,
        image_size_px=options.image_size_px,
        image_fit=options.image_fit,
        split=Split(held_out_fraction=options.held_out_fraction),
        sources=tuple(members),
        normalization=normalization,
    )


def _find(shards: Sequence[Path]) -> list[ShardSource]:
    """The sources of all shard folders; a source named twice by its folders counts once."""
    found = {source.path.resolve(): source for shard in shards for source in find_sources(shard)}
    counts = Counter(source.document.name for source in found.values())
    for name, count in counts.items():
        if count > 1:
            paths = ", ".join(str(source.path) for source in found.values() if source.document.name == name)
            raise UsageError(f"{count} sources are named '{name}' ({paths}); a mixture knows its sources by name.")
    return list(found.values())
