"""A corpus of hostile and odd media, made on the spot: nothing in it comes from outside.

Each case is a file or two that a stranger's folder may hold, and what must come of it: so many frames, or none, and
words of the warning or of the error. `damage` makes any number of cut and flipped copies of a sound clip besides.
"""

from __future__ import annotations

import os
import random
import struct
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from humandata.video.ffmpeg_program import ffmpeg_executable

NUM_FRAMES = 10
"""Of an ordinary clip here, one second long."""


@dataclass(frozen=True)
class Case:
    """A kind of file: how it is made in an empty folder, and what must come of it."""

    title: str
    build: Callable[[Path], Path]
    num_frames: int
    """0: it is refused."""
    says: str = ""
    """A regular expression that the warnings or the error match; empty: there are none."""


def run_ffmpeg(*arguments: str | Path) -> None:
    """Run the ffmpeg program to make the file named last, without the random numbers that Matroska's tracks get."""
    *options, path = map(str, arguments)
    command = [ffmpeg_executable(), "-nostdin", "-loglevel", "error", "-y", *options, "-fflags", "+bitexact", path]
    subprocess.run(command, check=True)


def clip(path: Path, *options: str, source: str = "testsrc=size=64x48:rate=10:duration=1") -> Path:
    """A clip of a test picture; ffmpeg's output options make it odd."""
    run_ffmpeg("-f", "lavfi", "-i", source, *options, f"file:{path}")
    return path


def _named(name: str) -> Callable[[Path], Path]:
    return lambda folder: clip(folder / name, "-f", "mp4")


def _odd(name: str, *options: str, source: str = "testsrc=size=64x48:rate=10:duration=1") -> Callable[[Path], Path]:
    return lambda folder: clip(folder / name, *options, source=source)


def _text(name: str, text: str) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        clip(folder / "secret.hidden", "-f", "mpegts")
        (folder / name).write_text(text)
        return folder / name

    return build


def _again(*options: str, name: str = "clip.mp4", before: tuple[str, ...] = ()) -> Callable[[Path], Path]:
    """An ordinary clip, written again with other options."""

    def build(folder: Path) -> Path:
        whole = clip(folder / "whole.hidden", "-f", "mp4", "-pix_fmt", "yuv420p")
        run_ffmpeg(*before, "-i", whole, *options, folder / name)
        whole.unlink()
        return folder / name

    return build


def _patched(name: str, patch: Callable[[bytearray], None], *options: str) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        path = clip(folder / name, *options)
        content = bytearray(path.read_bytes())
        patch(content)
        path.write_bytes(content)
        return path

    return build


def _huge_avi(content: bytearray) -> None:
    struct.pack_into("<ii", content, content.index(b"strf") + 12, 100_000, 100_000)


def _huge_mp4(content: bytearray) -> None:
    struct.pack_into(">HH", content, content.index(b"avc1", content.index(b"stsd")) + 28, 0xFFFF, 0xFFFF)


def _million_hours(content: bytearray) -> None:
    at = content.index(b"\x44\x89\x88") + 3  # Matroska's Duration, a float of 8 bytes, in milliseconds
    struct.pack_into(">d", content, at, 1e6 * 3600e3)


def _no_duration(content: bytearray) -> None:
    for box in (b"mvhd", b"mdhd"):
        struct.pack_into(">I", content, content.index(box) + 20, 0)
    struct.pack_into(">I", content, content.index(b"tkhd") + 24, 0)


def _backwards(content: bytearray) -> None:
    """Swap the times of two of Matroska's blocks."""
    blocks = [at for at in range(len(content) - 4) if content[at] == 0xA3 and content[at + 3 : at + 4] == b"\x81"]
    first, second = blocks[2] + 4, blocks[6] + 4
    content[first : first + 2], content[second : second + 2] = content[second : second + 2], content[first : first + 2]


def _twice_over(folder: Path) -> Path:
    """Two recordings one behind the other: the clock starts again in the middle."""
    path = clip(folder / "clip.ts", "-pix_fmt", "yuv420p")
    path.write_bytes(2 * path.read_bytes())
    return path


def _two_streams(folder: Path) -> Path:
    sources = ("-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=1", "-f", "lavfi", "-i", "testsrc=s=32x32:d=1")
    run_ffmpeg(*sources, "-map", "0", "-map", "1", folder / "clip.mkv")
    return folder / "clip.mkv"


def _variable(folder: Path) -> Path:
    """Every third frame is missing."""
    return clip(folder / "clip.mp4", "-vf", "select='mod(n,3)'", "-fps_mode", "vfr", "-pix_fmt", "yuv420p")


def _song(folder: Path) -> Path:
    run_ffmpeg("-f", "lavfi", "-i", "anullsrc", "-t", "0.1", folder / "clip.mp4")
    return folder / "clip.mp4"


def _raw(content: bytes) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        (folder / "clip.mp4").write_bytes(content)
        return folder / "clip.mp4"

    return build


def _special(make: Callable[[Path], None]) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        make(folder / "clip.mp4")
        return folder / "clip.mp4"

    return build


def _invalid_name(folder: Path) -> Path:
    path = Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.mp4"))
    clip(folder / "clip.mp4").rename(path)
    return path


FFCONCAT = "ffconcat version 1.0\nfile {}\n"
PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n"
DASH = '<?xml version="1.0"?><MPD><Period><BaseURL>{}</BaseURL></Period></MPD>\n'
LOOPBACK = "http://127.0.0.1:9/secret.ts"
"""Nobody listens there; that nobody asks is shown by tracing system calls."""

TRICKS = (
    Case("ffconcat script naming a file", _text("clip.mp4", FFCONCAT.format("secret.hidden")), 0, "holds text"),
    Case("ffconcat script naming a URL", _text("clip.mp4", FFCONCAT.format(LOOPBACK)), 0, "holds text"),
    Case("playlist naming a file", _text("clip.mp4", PLAYLIST.format("secret.hidden")), 0, "holds text"),
    Case("playlist naming a URL", _text("clip.mp4", PLAYLIST.format(LOOPBACK)), 0, "holds text"),
    Case("DASH manifest naming a URL", _text("clip.mp4", DASH.format(LOOPBACK)), 0, "holds text"),
    Case("name '-i.mp4'", _named("-i.mp4"), NUM_FRAMES),
    Case("name 'file:clip.mp4'", _named("file:clip.mp4"), NUM_FRAMES),
    Case("name 'a:b.mp4'", _named("a:b.mp4"), NUM_FRAMES),
    Case("name 'concat:a.mp4|b.mp4'", _named("concat:a.mp4|b.mp4"), NUM_FRAMES),
    Case("name 'subfile,,start,0,end,9,,:c.mp4'", _named("subfile,,start,0,end,9,,:c.mp4"), NUM_FRAMES),
)
"""What makes libraries open something else than the file they were given."""

NAMES = (
    Case("name with spaces", _named(" a  b .mp4"), NUM_FRAMES),
    Case("name with newlines", _named("a\nb\n.mp4"), NUM_FRAMES),
    Case("name with quotes and '%d'", _named("'\"$(id)`id`%d.mp4"), NUM_FRAMES),
    Case("name in Japanese", _named("手を洗う.mp4"), NUM_FRAMES),
    Case("name in Arabic", _named("غسل اليدين.mp4"), NUM_FRAMES),
    Case("name with a terminal's and a table's commands", _named("\x1b[2J[red]a[blink].mp4"), NUM_FRAMES),
    Case("name of 255 letters", _named(251 * "n" + ".mp4"), NUM_FRAMES),
    Case("name that is not UTF-8", _invalid_name, 0, "name is not valid UTF-8; rename the file"),
)

_UNCOMPRESSED = ("-c:v", "rawvideo", "-pix_fmt", "bgr24")
_JPEG = ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p")

HEADERS = (
    Case("header of 100,000 x 100,000 pixels", _patched("clip.avi", _huge_avi, *_UNCOMPRESSED), 0, "picture size"),
    Case("header of 65,535 x 65,535 pixels", _patched("clip.mp4", _huge_mp4), NUM_FRAMES, "damaged: "),
    Case("header of a million hours", _patched("clip.mkv", _million_hours), NUM_FRAMES, "truncated: frames end at 0.9"),
    Case("header of no duration", _patched("clip.mp4", _no_duration), NUM_FRAMES),
    Case("no frame", _odd("clip.mkv", "-t", "0"), 0, "not a video|no video stream|no frame"),
    Case("empty file", _raw(b""), 0, "the file is empty"),
    Case("noise", _raw(random.Random(1).randbytes(20_000)), 0, "not a video in a known format"),
    Case("zeros", _raw(bytes(20_000)), 0, "not a video in a known format"),
    Case("prose", _raw(b"dear diary\n" * 50), 0, "holds text, not video"),
    Case("sound without pictures", _song, 0, r"no video stream \(the file holds audio\)"),
)

_HDR = ("-c:v", "ffv1", "-pix_fmt", "yuv420p10le", "-color_trc")
_TONE_MAPPED = "|not tone-mapped"
"""Nothing is said where this ffmpeg maps tones, which depends on how it was built."""

KINDS = (
    Case("one frame", _odd("clip.mp4", "-frames:v", "1"), 1),
    Case("one pixel", _odd("clip.mp4", "-pix_fmt", "yuv444p", source="color=size=1x1:rate=10:duration=1"), NUM_FRAMES),
    Case("odd size", _odd("clip.mp4", "-pix_fmt", "yuv444p", source="testsrc=s=63x47:rate=10:d=1"), NUM_FRAMES),
    Case("240 frames a second", _odd("clip.mp4", source="testsrc=size=64x48:rate=240:duration=0.1"), 24),
    Case("variable frame rate", _variable, 6),
    Case("rotated by 90", _again("-c", "copy", before=("-display_rotation", "90")), NUM_FRAMES),
    Case("rotated by 180", _again("-c", "copy", before=("-display_rotation", "180")), NUM_FRAMES),
    Case("rotated by 270", _again("-c", "copy", before=("-display_rotation", "270")), NUM_FRAMES),
    Case("10 bits, HDR10", _odd("clip.mkv", *_HDR, "smpte2084"), NUM_FRAMES, _TONE_MAPPED),
    Case("10 bits, HLG", _odd("clip.mkv", *_HDR, "arib-std-b67"), NUM_FRAMES, _TONE_MAPPED),
    Case("4:4:4", _odd("clip.mp4", "-pix_fmt", "yuv444p"), NUM_FRAMES),
    Case("interlaced", _odd("clip.mp4", "-pix_fmt", "yuv420p", "-flags", "+ilme+ildct"), NUM_FRAMES),
    Case("anamorphic", _again("-vf", "setsar=4/3"), NUM_FRAMES),
    Case("two video streams", _two_streams, NUM_FRAMES),
    Case("no timestamps", _again("-c:v", "mpeg4", name="clip.avi"), NUM_FRAMES),
    Case(
        "timestamps out of order",
        _patched("clip.mkv", _backwards, *_JPEG),
        8,
        "left out: 2",
    ),
    Case("two recordings in one file", _twice_over, NUM_FRAMES, "left out: 10 frames"),
)

PLACES = (
    Case("link to itself", _special(lambda path: path.symlink_to(path)), 0, "cannot be read|no such file"),
    Case("link to nothing", _special(lambda path: path.symlink_to("nowhere")), 0, "link to a file that does not exist"),
    Case("link to an endless device", _special(lambda path: path.symlink_to("/dev/zero")), 0, "not a regular file"),
    Case("named pipe", _special(os.mkfifo), 0, "not a regular file"),
)

CASES = (*TRICKS, *NAMES, *HEADERS, *KINDS, *PLACES)


def damage(folder: Path, num_cut: int, num_flipped: int) -> Iterator[tuple[str, Path]]:
    """Copies of sound clips, cut at random places or with a bit flipped at one; each kind of damage, and its file."""
    options = {"mp4": ("-pix_fmt", "yuv420p"), "mkv": ("-pix_fmt", "yuv420p"), "avi": ("-c:v", "mpeg4")}
    front = ("-pix_fmt", "yuv420p", "-movflags", "faststart")
    wholes = {name: clip(folder / f"whole.{name}", *option).read_bytes() for name, option in options.items()}
    wholes["front.mp4"] = clip(folder / "whole.mp4", *front).read_bytes()
    for name in options:
        (folder / f"whole.{name}").unlink()
    rng = random.Random(0)
    for number in range(num_cut):
        name = list(wholes)[number % len(wholes)]
        path = folder / f"cut{number}.{name}"
        path.write_bytes(wholes[name][: rng.randrange(1, len(wholes[name]))])
        yield "cut", path
    for number in range(num_flipped):
        name = list(wholes)[number % len(wholes)]
        content = bytearray(wholes[name])
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path = folder / f"flipped{number}.{name}"
        path.write_bytes(content)
        yield "flipped", path
