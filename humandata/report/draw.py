"""A picture of what lies at a path: an episode of a source, or the predictions of a finished run."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from humandata.dataset.read import open_source
from humandata.errors import UsageError, typed
from humandata.report.overlay import overlay_frames
from humandata.report.pictures import sheet, write_mp4, write_png


def draw_picture(path: Path, episode_id: str | None, out: Path, num_frames: int) -> Path:
    """Draw an episode of a source (the first one without an id) into a PNG sheet of frames or an MP4 of all of them.

    Of a run's folder, what its policy predicts is drawn (`draw_predictions`), as a PNG. Raises UsageError for a name of
    another ending, and where there is nothing to draw.
    """
    is_run = (path / "run.json").exists()
    kind = out.suffix.lower()
    if kind != ".png" and (is_run or kind != ".mp4"):
        told = "a run's predictions are a sheet" if is_run else "a sheet of frames, or .mp4, all of them"
        raise UsageError(f"{out}: the name must end in .png ({told}).")
    if is_run:
        from humandata.report.predictions import draw_predictions  # it brings torch, which episodes do not need

        return draw_predictions(path, out, num_frames)
    source = open_source(path)
    ids = source.episodes().column("id").to_pylist()
    if not ids:
        raise UsageError(f"{path}: holds no episode to draw. `humandata inspect {typed(path)}` says why.")
    episode = source.read_episode(episode_id or ids[0])
    if kind == ".mp4":
        write_mp4(zip(episode.timestamp_ns.tolist(), overlay_frames(episode), strict=True), out)
        return out
    wanted = np.unique(np.linspace(0, episode.num_steps - 1, num_frames).round().astype(int))
    drawn = [image for index, image in enumerate(overlay_frames(episode)) if index in wanted]
    write_png(sheet(drawn, num_columns=min(3, len(drawn))), out)
    return out
