"""What becomes of hostile, odd and damaged media: the real `extract` over a corpus that is made on the spot.

    python benchmarks/hostile.py [--quick] [--json] [--markdown]

It prints a table of input, outcome and message; of the damaged files (200 cut, 500 with a bit flipped) how many end
how; the peak memory of the decoder and of the helper that looks into files. With strace on the path, it traces the
extraction of the scripts and playlists and counts what they name and was opened, connections, and files opened that
are neither in the corpus nor the program's own. It fails where an outcome is not the expected one.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from humandata.bench.hostile_media import CASES, TRICKS, Case, clip, damage
from humandata.cache import cache_folder
from humandata.dataset.records import InputRecord, read_quarantine, read_records
from humandata.report.console import print_line, print_table
from humandata.video.ffmpeg_program import ffmpeg_executable

SAMPLE_S = 0.004
CONTROL = "control: the same file, opened by ffmpeg without the fences"


@dataclass(frozen=True)
class Row:
    """What became of an input."""

    input: str
    outcome: str
    """kept, kept with a warning, or refused; nothing else is left to happen."""
    frames: int
    message: str
    expected: bool


def twice(folder: Path) -> Path:
    """The same video under two names."""
    path = clip(folder / "clip.mp4")
    shutil.copy(path, folder / "copy.mp4")
    return path


def loop(folder: Path) -> Path:
    """A folder with a link to itself, beside a video."""
    (folder / "again").symlink_to(folder, target_is_directory=True)
    return clip(folder / "clip.mp4")


def locked(folder: Path) -> Path:
    """A video that this user may not read."""
    path = clip(folder / "clip.mp4")
    path.chmod(0)
    return path


FOLDERS = (
    Case("the same video under two names", twice, 10),
    Case("folder that links to itself", loop, 10),
    *((Case("unreadable file", locked, 0, "cannot be read"),) if os.geteuid() else ()),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20 cut files and 30 flipped ones")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--markdown", action="store_true", help="the table as documents have it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        rows, cases_mib = extract_cases(root / "cases", (*CASES, *FOLDERS))
        counts, damaged_mib = extract_damaged(root / "damaged", *((20, 30) if arguments.quick else (200, 500)))
        trace = trace_tricks(root / "tricks") if shutil.which("strace") else None
    peak_mib = {name: max(cases_mib[name], damaged_mib[name]) for name in cases_mib}
    if arguments.json:
        result = {"rows": [vars(row) for row in rows], "damaged": counts, "peak_mib": peak_mib, "trace": trace}
        sys.stdout.write(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    else:
        print_report(rows, counts, peak_mib, trace, arguments.markdown)
    unseen = trace is not None and not trace[CONTROL]
    leaks = 0 if trace is None else sum(list(trace.values())[:3])
    raise SystemExit(not all(row.expected for row in rows) or counts["lost"] or unseen or leaks)


def print_report(
    rows: Sequence[Row],
    counts: dict[str, int],
    peak_mib: dict[str, float],
    trace: dict[str, int] | None,
    markdown: bool,
) -> None:
    header = ("input", "outcome", "frames", "message")
    cells = [(row.input, row.outcome, row.frames, row.message) for row in rows]
    if markdown:
        lines = [header, ("---",) * len(header), *cells]
        sys.stdout.writelines("| " + " | ".join(_in_cell(each) for each in line) + " |\n" for line in lines)
    else:
        print_table("the corpus", header, cells)
    unexpected = [row.input for row in rows if not row.expected]
    print_line(f"not as expected: {', '.join(unexpected) or 'none'}")
    print_table("damaged files", ("outcome", "files"), counts.items())
    print_table("peak memory", ("process", "MiB"), [(name, f"{mib:.0f}") for name, mib in peak_mib.items()])
    if trace is None:
        print_line("not traced: install strace")
    else:
        print_table("system calls of extracting the scripts and playlists", ("what", "how often"), trace.items())


def _in_cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", "\\n")


def extract_cases(root: Path, cases: Sequence[Case]) -> tuple[list[Row], dict[str, float]]:
    """A folder for each case, all extracted by one command."""
    for number, case in enumerate(cases):
        folder = root / "videos" / f"{number:02}"
        folder.mkdir(parents=True)
        case.build(folder)
    log, peak_mib = extract(root)
    done, refused = outcomes(root)
    rows = []
    for number, case in enumerate(cases):
        prefix = f"{number:02}/"
        kept = [record for name, record in done.items() if name.startswith(prefix)]
        errors = [error for name, error in refused.items() if name.startswith(prefix)]
        for record in kept:
            told = "; ".join(record.warnings)
            frames = int(record.figures["frames"])
            expected = frames == case.num_frames and bool(re.search(case.says, told) if case.says else not told)
            rows.append(Row(case.title, "kept with a warning" if told else "kept", frames, told, expected))
        for error in errors:
            told = error.replace(str(root / "videos" / prefix), "").removeprefix(prefix)
            rows.append(Row(case.title, "refused", 0, told, not case.num_frames and bool(re.search(case.says, error))))
        if not kept and not errors:
            rows.append(Row(case.title, "lost", 0, "no word of it", False))
    if "Traceback" in log:
        rows.append(Row("the log", "a traceback", 0, log[log.index("Traceback") :], False))
    return rows, peak_mib


def extract_damaged(root: Path, num_cut: int, num_flipped: int) -> tuple[dict[str, int], dict[str, float]]:
    """How many damaged files end how."""
    folder = root / "videos"
    folder.mkdir(parents=True)
    kinds = {path.name: kind for kind, path in damage(folder, num_cut, num_flipped)}
    log, peak_mib = extract(root)
    done, refused = outcomes(root)
    counts = Counter(
        f"{kinds[name]}, {'kept with a warning' if record.warnings else 'kept whole'}" for name, record in done.items()
    )
    counts.update(f"{kinds[name]}, refused" for name in refused)
    lost = len(kinds) - len(done) - len(refused) + log.count("Traceback")
    return {**dict(sorted(counts.items())), "lost": lost}, peak_mib


def outcomes(root: Path) -> tuple[dict[str, InputRecord], dict[str, str]]:
    source = root / "shards" / "videos"
    done = {record.input: record for record in read_records(source)}
    return done, {record.input: record.error for record in read_quarantine(source)}


def command(root: Path) -> list[str]:
    code = "from humandata.cli import app; app()"
    options = ["--recipe", "fast", "--camera", "sidecar", "--workers", "1", "--set", "decode.rate_hz=240"]
    return [sys.executable, "-c", code, "extract", str(root / "videos"), "--out", str(root / "shards"), *options]


def extract(root: Path) -> tuple[str, dict[str, float]]:
    """Run the command; what it printed, and the peak memory of the processes that open media, in MiB."""
    with tempfile.TemporaryFile("w+") as log:
        job = subprocess.Popen(command(root), stdout=log, stderr=log)
        peak_mib = {"decoder (ffmpeg)": 0.0, "helper": 0.0}
        watch = threading.Thread(target=_watch, args=(job, peak_mib))
        watch.start()
        code = job.wait()
        watch.join()
        log.seek(0)
        printed = log.read()
    if code not in (0, 1):  # 1: some inputs failed
        raise SystemExit(f"extract ended with {code}:\n{printed}")
    return printed, peak_mib


def _watch(job: subprocess.Popen[str], peak_mib: dict[str, float]) -> None:
    """Look at the job's children, often: a decoder of a small clip lives for a twentieth of a second."""
    while job.poll() is None:
        with suppress(OSError, ValueError):
            for thread in Path(f"/proc/{job.pid}/task").iterdir():
                for pid in (thread / "children").read_text().split():
                    program = Path(f"/proc/{pid}/cmdline").read_bytes()
                    name = "helper" if b"helper_program" in program else "decoder (ffmpeg)"
                    is_decoder = program.startswith(os.fsencode(ffmpeg_executable()))
                    status = Path(f"/proc/{pid}/status").read_text()
                    found = re.search(r"VmHWM:\s+(\d+) kB", status)
                    if found and (is_decoder or (b"launcher.py" not in program and name == "helper")):
                        peak_mib[name] = max(peak_mib[name], int(found[1]) / 1024)
        time.sleep(SAMPLE_S)


def trace_tricks(root: Path) -> dict[str, int]:
    """System calls of an extraction of what names other files and URLs, all processes together."""
    for number, case in enumerate(each for each in TRICKS if not each.num_frames):
        folder = root / "videos" / f"{number:02}"
        folder.mkdir(parents=True)
        case.build(folder)
    calls = traced(root, command(root))
    opened = [path for path in map(opened_path, calls) if path is not None]
    tricks = root / "videos" / "00" / "clip.mp4"
    follow = [ffmpeg_executable(), "-v", "quiet", "-f", "concat", "-safe", "0", "-i", str(tricks), "-f", "null", "-"]
    control = [opened_path(call) for call in traced(root, follow)]
    return {
        "files that a script names, opened": sum("secret.hidden" in path for path in opened),
        "connections to the network": sum("connect(" in call and "AF_INET" in call for call in calls),
        "files opened that are neither given nor the program's own": len(set(strangers(opened, root))),
        "videos opened": len({path for path in opened if path.startswith(str(root / "videos"))}),
        "files opened, all together": len(set(opened)),
        CONTROL: sum("secret.hidden" in (path or "") for path in control),
    }


def traced(root: Path, program: list[str]) -> list[str]:
    log = root / f"trace{len(program)}"
    calls = "trace=open,openat,openat2,connect"
    traced = ["strace", "-f", "-y", "-s", "4096", "-o", str(log), "-e", calls, *program]
    subprocess.run(traced, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return log.read_text(errors="replace").splitlines()


def opened_path(call: str) -> str | None:
    """The file that a call opened; None where it is another call, or failed."""
    found = re.search(r" open(?:at2?)?\(.* = \d+<(.*)>$", call)
    return found[1] if found else None


def strangers(opened: Sequence[str], root: Path) -> list[str]:
    """Paths that are neither below the root nor parts of this program, its packages and the system it runs on."""
    package = Path(__file__).parents[1]
    program = Path(sys.executable).resolve().parent.parent
    own: list[str | Path] = [root, package, program, sys.prefix, sys.base_prefix, cache_folder(), tempfile.gettempdir()]
    own += [Path.home() / ".cache" / "matplotlib", *(path for path in sys.path if path)]
    own += ["/usr", "/lib", "/lib64", "/etc", "/proc", "/sys", "/dev"]
    kept = tuple(f"{os.path.realpath(place)}/" for place in own)
    return [path for path in opened if not f"{path}/".startswith(kept)]


if __name__ == "__main__":
    main()
