"""What a trained policy predicts on held-out frames, beside what happened."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from humandata.actions import ACTION_LAYOUT
from humandata.arrays import BoolArray, FloatArray, Image
from humandata.errors import UsageError
from humandata.mixtures.batch import Batch
from humandata.mixtures.loader import held_out_batches
from humandata.report.pictures import AXIS_COLORS, sheet, write_png
from humandata.schemas.landmarks import SIDES
from humandata.schemas.mixture import read_mixture
from humandata.training.runs import RunFolder
from humandata.training.trained import load_policy

PANEL_PX = 240
MARGIN_PX = 28
MIN_SPAN_M = 0.1
"""A plot spans at least this much, so that stillness looks still."""

STRIDE = 10
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw_predictions(run: Path, out: Path, num_samples: int) -> Path:
    """Draw `num_samples` held-out steps of a finished run, evenly over its embodiments, as a PNG.

    Beside each frame: the end effector's x (red), y (green) and z (blue) over the chunk, in its own frame at the start;
    what happened as dots, the prediction as lines. DatasetError where the run is not finished or a shard changed,
    UsageError where its mixture holds nothing out.
    """
    folder = RunFolder(run)
    manifest = (run / folder.read_record().mixture).resolve()
    policy = load_policy(run)
    rate_hz = read_mixture(manifest).action_space.rate_hz
    panels: dict[str, list[Image]] = {}
    for batch in held_out_batches(manifest, STRIDE):
        predicted = policy.predict(batch).numpy()
        for index, embodiment in enumerate(batch.embodiment):
            panel = _panel(batch, index, predicted[index], rate_hz)
            if panel is not None:
                panels.setdefault(embodiment, []).append(panel)
    if not panels:
        raise UsageError(
            f"{run}: its mixture holds out no episode that a prediction could be drawn on. Make one that does with "
            "`humandata mix --held-out 0.1`, and train again."
        )
    share = max(1, num_samples // len(panels))
    chosen = [
        panels[name][place]
        for name in sorted(panels)
        for place in np.unique(np.linspace(0, len(panels[name]) - 1, share).round().astype(int))
    ]
    write_png(sheet(chosen, num_columns=2), out)
    return out


def _panel(batch: Batch, index: int, predicted: FloatArray, rate_hz: float) -> Image | None:
    """A frame and the plot of its first arm that is known; None where none is known for a few steps."""
    truth, mask = batch.action[index].numpy(), batch.action_mask[index].numpy()
    for side in SIDES:
        dimensions = ACTION_LAYOUT[f"{side}_position"]
        known: BoolArray = np.all(mask[:, dimensions], axis=1)
        if known.sum() < 3:
            continue
        frame = np.ascontiguousarray(batch.image[index].numpy().transpose(1, 2, 0))
        picture = cv2.resize(frame, (PANEL_PX, PANEL_PX), interpolation=cv2.INTER_AREA)
        title = f"{batch.embodiment[index]}, {side}: {batch.text[index] or 'no task text'}"
        plot = _plot(truth[:, dimensions], predicted[:, dimensions], known, rate_hz)
        return _titled(np.concatenate([picture, plot], axis=1), title)
    return None


def _plot(truth: FloatArray, predicted: FloatArray, known: BoolArray, rate_hz: float) -> Image:
    """Positions (H, 3) over time: the truth as dots where known, the prediction as lines."""
    plot = np.full((PANEL_PX, PANEL_PX * 3 // 2, 3), 250, np.uint8)
    shown = np.concatenate([truth[known], predicted, np.zeros((1, 3))])
    middle = (shown.min() + shown.max()) / 2
    span = max(float(shown.max() - shown.min()), MIN_SPAN_M) * 1.1
    seconds = (np.arange(len(truth)) + 1) / rate_hz
    width, height = plot.shape[1] - 2 * MARGIN_PX, plot.shape[0] - 2 * MARGIN_PX

    def at(second: float, metres: float) -> tuple[int, int]:
        x = MARGIN_PX + width * second / seconds[-1]
        return int(x), int(MARGIN_PX + height * (0.5 - (metres - middle) / span))

    cv2.line(plot, at(0.0, 0.0), at(float(seconds[-1]), 0.0), (190, 190, 190), 1)
    for axis, color in enumerate(AXIS_COLORS):
        line = np.array([at(0.0, 0.0)] + [at(s, m) for s, m in zip(seconds, predicted[:, axis], strict=True)], np.int32)
        cv2.polylines(plot, [line], False, color, 2, cv2.LINE_AA)
        for step in np.flatnonzero(known)[::3]:
            cv2.circle(plot, at(float(seconds[step]), float(truth[step, axis])), 3, color, -1, cv2.LINE_AA)
    label = f"{seconds[-1]:.1f} s, {span * 100:.0f} cm high; dots: what happened"
    cv2.putText(plot, label, (MARGIN_PX, PANEL_PX - 8), _FONT, 0.4, (70, 70, 70), 1, cv2.LINE_AA)
    for axis, (name, color) in enumerate(zip("xyz", AXIS_COLORS, strict=True)):
        cv2.putText(plot, name, (MARGIN_PX + 16 * axis, 14), _FONT, 0.45, color, 1, cv2.LINE_AA)
    return plot


def _titled(picture: Image, title: str) -> Image:
    strip = np.full((22, picture.shape[1], 3), 40, np.uint8)
    text = title.encode("ascii", "replace").decode()
    cv2.putText(strip, text, (6, 15), _FONT, 0.4, (255, 255, 255), 1, cv2.LINE_AA)
    return np.concatenate([strip, picture])
