"""The figures of a benchmark as tables for a person; ours and the naive script's side by side."""

from __future__ import annotations

from humandata.bench.accuracy import Accuracy, Summary
from humandata.report.console import print_line, print_table

_LABELS: dict[str, tuple[str, float]] = {
    "recall": ("recall of visible hands (%)", 100.0),
    "precision": ("precision (%)", 100.0),
    "side_errors": ("wrong side (%)", 100.0),
    "swapped_arms": ("swapped arms", 1.0),
    "pck": ("PCK@0.05 (%)", 100.0),
    "root_relative_m": ("root-relative (mm)", 1e3),
    "aligned_m": ("Procrustes-aligned (mm)", 1e3),
    "wrist_m": ("wrist, median (mm)", 1e3),
    "wrist_p90_m": ("wrist, 90th percentile (mm)", 1e3),
    "wrist_scaled_m": ("wrist after one scale a track (mm)", 1e3),
    "ee_rotation_rad": ("EE rotation (deg)", 57.29578),
    "aperture_m": ("aperture (mm)", 1e3),
    "relative_1s_m": ("relative motion over 1 s (mm)", 1e3),
    "relative_1s_p90_m": ("relative motion over 1 s, 90th percentile (mm)", 1e3),
    "own_world_1s_m": ("the same in the method's own world (mm)", 1e3),
    "still_camera_1s_m": ("the same, the camera taken as still (mm)", 1e3),
    "jerk_m_s3": ("jerk (m/s3)", 1.0),
    "within_sigma": ("wrist errors within one sigma (%)", 100.0),
    "within_sigma_depth": ("depth errors within one sigma (%)", 100.0),
}
"""What each figure is called, and the factor to its unit."""
_BY_SCENARIO = {
    "recall": "recall %",
    "precision": "precision %",
    "swapped_arms": "swapped",
    "wrist_m": "wrist mm",
    "relative_1s_m": "1 s mm",
    "own_world_1s_m": "own world mm",
    "root_relative_m": "root-rel. mm",
    "ee_rotation_rad": "EE deg",
}
"""The figures given of every scenario, under shorter names."""


def print_accuracy(accuracy: Accuracy) -> None:
    """Print the overall figures, those of each scenario, and the cost."""
    suite, cost = accuracy.suite, accuracy.cost
    ours, naive = accuracy.overall["ours"], accuracy.overall["naive"]
    print_table(
        f"{len(suite.scenarios)} scenarios x {suite.num_people} people, {accuracy.num_frames} frames, "
        f"seeds '{suite.seeds}'",
        ["", "humandata", "naive"],
        [[label, _cell(ours, name), _cell(naive, name)] for name, (label, _) in _LABELS.items()],
    )
    print_table(
        "by scenario: humandata | naive",
        ["", *_BY_SCENARIO.values()],
        [
            [scenario, *(f"{_cell(by['ours'], name)} | {_cell(by['naive'], name)}" for name in _BY_SCENARIO)]
            for scenario, by in accuracy.scenarios.items()
        ],
    )
    if accuracy.true_jerk_m_s3 is not None:
        print_line(f"jerk of the true motion: {accuracy.true_jerk_m_s3:.3g} m/s3")
    shares = ", ".join(f"{stage} {share:.0%}" for stage, share in cost.shares.items())
    print_line(f"cost: {cost.ours_frames_per_s:.1f} frames/s, the naive script {cost.naive_frames_per_s:.1f}")
    print_line(f"of the time of ours: {shares}")


def _cell(summary: Summary, name: str) -> str:
    value = summary[name]
    return "-" if value is None else f"{value * _LABELS[name][1]:.3g}"
