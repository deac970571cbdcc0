"""The benchmark as a command runs it: with a progress bar, and a table or JSON at the end."""

from __future__ import annotations

import os

from humandata.bench.accuracy import measure_accuracy
from humandata.bench.suite import SeedSet, Suite, quick_suite
from humandata.bench.table import print_accuracy
from humandata.progress import ProgressBar
from humandata.report.console import print_json


def run_accuracy(seeds: SeedSet, *, quick: bool, as_json: bool) -> None:
    """Measure on the suite of these seeds and print. The clips are kept in the cache."""
    suite = quick_suite(seeds) if quick else Suite(seeds)
    workers = len(os.sched_getaffinity(0))
    with ProgressBar("render the suite", len(suite.scenarios) * suite.num_people, "clips") as bar:
        accuracy = measure_accuracy(suite, workers=workers, progress=lambda done, _total: bar.update(done))
    print_json(accuracy.as_json()) if as_json else print_accuracy(accuracy)
