"""How far extracted trajectories are from the truth, beside the script anyone would write: MediaPipe and solvePnP.

    python benchmarks/accuracy.py [--quick] [--json] [--seeds dev|report]

The same as `humandata bench accuracy`. Both methods see the same rendered clips and the same sidecars.
"""

from __future__ import annotations

import argparse

from humandata.bench.run import run_accuracy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="half of the scenarios, one person, short clips")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seeds", choices=["dev", "report"], default="report")
    arguments = parser.parse_args()
    run_accuracy(arguments.seeds, quick=arguments.quick, as_json=arguments.json)


if __name__ == "__main__":
    main()
