"""Puts fences around itself and then becomes another program: run as a file, before a decoder of untrusted media.

    python -I -S launcher.py MEMORY_BYTES CPU_S NUM_READABLE [READABLE…] PROGRAM [ARGUMENT…]

It imports nothing of the package, so that it starts fast, and it runs as a process of its own rather than as a
`preexec_fn`, which may deadlock in a program with threads. Fences, each where the system has it:

- the program ends with the process that started it (Linux);
- limits of memory, processor time, the size of a file and the number of open files (POSIX);
- Landlock (Linux 5.13 and later): of the file system only what is named READABLE can be read, and nothing be written;
- seccomp (Linux on x86-64 and ARM64): no socket, no other process, no other program, no writing, no tracing.

Landlock and seccomp refuse with "permission denied" and outlive the change of program. None needs a privilege.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
import struct
import sys

MAX_OUTPUT_BYTES = 16 << 20
"""What a fenced program may write into a file that it was given: its messages. A pipe has no limit."""

MAX_OPEN_FILES = 256

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 1, 38, 22, 2
_EPERM, _EACCES, _ENOSYS = 1, 13, 38

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_REFUSED = {
    # no network, not even by way of io_uring
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "sendto": (44, 206),
    "sendmsg": (46, 211),
    "sendmmsg": (307, 269),
    "io_uring_setup": (425, 425),
    # no other process, neither a new one nor one that is there
    "fork": (57, None),
    "vfork": (58, None),
    "execveat": (322, 281),
    "kill": (62, 129),
    "tkill": (200, 130),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "unshare": (272, 97),
    "setns": (308, 268),
    "bpf": (321, 280),
    # no change in the file system; opening for writing is refused below
    "creat": (85, None),
    "truncate": (76, 45),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "rmdir": (84, None),
    "link": (86, None),
    "linkat": (265, 37),
    "symlink": (88, None),
    "symlinkat": (266, 36),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "chown": (92, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "lchown": (94, None),
    "mount": (165, 40),
    # memory that the limit does not count
    "memfd_create": (319, 279),
}
"""Numbers of the system calls on x86-64 and on ARM64, from Linux' `unistd.h`."""

_EXECVE, _CLONE, _CLONE3 = (59, 221), (56, 220), (435, 435)
_OPEN, _OPENAT, _OPENAT2 = (2, None), (257, 56), (437, 437)
_CLONE_THREAD = 0x10000
_OPENED_TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_LANDLOCK_CREATE, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT = 444, 445, 446
_LANDLOCK_READ = 0b1101
"""Execute (which asks for reading too), read a file, list a folder."""
_LANDLOCK_FILES = {1: 13, 2: 14, 3: 15, 4: 15}
"""How many kinds of access to files each version of Landlock knows; 16 from version 5 on."""


def main(arguments: list[str]) -> None:
    """Limit this process, then become the program; its messages begin with the launcher's, where it cannot start."""
    memory_bytes, cpu_s, num_readable = map(int, arguments[:3])
    readable, program = arguments[3 : 3 + num_readable], arguments[3 + num_readable :]
    path = ctypes.create_string_buffer(os.fsencode(program[0]))
    limit_resources(memory_bytes, cpu_s)
    if sys.platform == "linux":
        # A reader that is killed cannot end its decoder, which, stopped or caught in a file, would live on.
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if sys.platform == "linux" and _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        if readable:
            restrict_files([program[0], *readable])
        refuse_calls(ctypes.addressof(path))
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and a program inherits that
    _LIBC.execve(path, _strings(program), _strings([f"{key}={value}" for key, value in os.environ.items()]))
    sys.exit(f"cannot run {program[0]}: {os.strerror(ctypes.get_errno())}")


def limit_resources(memory_bytes: int, cpu_s: int) -> None:
    """Bound what the process may take. A file that grows too large ends a write, not the process."""
    limits = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_FSIZE: MAX_OUTPUT_BYTES,
        resource.RLIMIT_NOFILE: MAX_OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    for kind, limit in limits.items():
        # At the soft limit of time a signal says so; at the hard one there is only SIGKILL.
        soft, hard = limit, limit + (kind == resource.RLIMIT_CPU)
        highest = resource.getrlimit(kind)[1]
        if highest != resource.RLIM_INFINITY:
            soft, hard = min(soft, highest), min(hard, highest)
        try:
            resource.setrlimit(kind, (soft, hard))
        except (ValueError, OSError):  # a system without this one
            continue


def restrict_files(readable: list[str]) -> bool:
    """Let the process read these files and folders, and nothing else; whether the kernel does it (Landlock)."""
    version = _LIBC.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return False
    handled = (1 << _LANDLOCK_FILES.get(version, 16)) - 1
    attributes = struct.pack("<Q", handled)
    rules = _LIBC.syscall(_LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    if rules < 0:
        return False
    for name in readable:
        try:
            place = os.open(name, os.O_PATH | os.O_CLOEXEC)
        except OSError:  # a folder that this system does not have
            continue
        allowed = _LANDLOCK_READ if os.path.isdir(name) else 0b101  # noqa: PTH112  # pathlib is slow to import
        _LIBC.syscall(_LANDLOCK_ADD_RULE, rules, 1, struct.pack("<Qi", allowed, place), 0)
        os.close(place)
    restricted: int = _LIBC.syscall(_LANDLOCK_RESTRICT, rules, 0)
    os.close(rules)
    return restricted == 0


def refuse_calls(program_address: int) -> bool:
    """Refuse system calls that no decoder makes; whether the kernel does it (seccomp).

    One program may still be started, the one whose name lies at this address of the launcher's own memory: nobody
    knows that address afterwards.
    """
    machine = platform.machine()
    if machine not in _AUDIT_ARCH:
        return False
    code = b"".join(_filter(machine, program_address))
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer))
    applied: int = _LIBC.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, program, 0, 0)
    return applied == 0


def _filter(machine: str, program_address: int) -> list[bytes]:
    """Instructions of a classic BPF program over `struct seccomp_data`."""
    column = list(_AUDIT_ARCH).index(machine)
    allow, refuse, unknown = _give(0x7FFF0000), _give(0x50000 | _EACCES), _give(0x50000 | _ENOSYS)
    code = [_load(4), _if_equal(_AUDIT_ARCH[machine], 1, 0), _give(0x50000 | _EPERM), _load(0)]
    if machine == "x86_64":
        code += [_if_at_least(0x40000000, 0, 1), _give(0x50000 | _EPERM)]  # the x32 calls have numbers of their own
    for numbers in _REFUSED.values():
        number = numbers[column]
        if number is not None:
            code += [_if_equal(number, 0, 1), refuse]
    for numbers in (_CLONE3, _OPENAT2):  # their flags lie in memory, where a filter cannot look; libc does without
        code += [_if_equal(numbers[column], 0, 1), unknown]
    code += [_if_equal(_CLONE[column], 0, 4), _load(16), _if_any(_CLONE_THREAD, 1, 0), refuse, allow]
    for numbers, flags_at in ((_OPEN, 24), (_OPENAT, 32)):
        number = numbers[column]
        if number is not None:
            code += [_if_equal(number, 0, 4), _load(flags_at), _if_any(_OPENED_TO_WRITE, 0, 1), refuse, allow]
    low, high = program_address & 0xFFFFFFFF, program_address >> 32
    code += [_if_equal(_EXECVE[column], 0, 6), _load(16), _if_equal(low, 0, 3), _load(20), _if_equal(high, 0, 1)]
    return [*code, allow, refuse, allow]


def _load(offset: int) -> bytes:
    return struct.pack("<HBBI", 0x20, 0, 0, offset)


def _give(value: int) -> bytes:
    return struct.pack("<HBBI", 0x06, 0, 0, value)


def _if_equal(value: int, then: int, otherwise: int) -> bytes:
    return struct.pack("<HBBI", 0x15, then, otherwise, value)


def _if_at_least(value: int, then: int, otherwise: int) -> bytes:
    return struct.pack("<HBBI", 0x35, then, otherwise, value)


def _if_any(bits: int, then: int, otherwise: int) -> bytes:
    return struct.pack("<HBBI", 0x45, then, otherwise, bits)


def _strings(texts: list[str]) -> ctypes.Array[ctypes.c_char_p]:
    return (ctypes.c_char_p * (len(texts) + 1))(*map(os.fsencode, texts), None)


if __name__ == "__main__":
    main(sys.argv[1:])
