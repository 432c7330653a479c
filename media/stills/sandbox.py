"""Shuts a process in that decodes what strangers sent: it computes, reads and writes, and nothing else.

FFmpeg's decoders have a hole every few months, and whoever is in there is the worker's user. So after its
imports the process gives up all system calls but those of memory and time (seccomp), all files and TCP
(Landlock, where the kernel has it), and all privileges, for itself and its children, for good. It may read
from one open file and write into one. What it still calls is refused with EPERM, not killed: an allocator
that tries a newer call first goes on with an older one.

Linux on x86_64 and aarch64; elsewhere `confine` raises `SandboxError`, and nothing is decoded.
"""

import ctypes
import errno
import os
import platform
import resource
import struct
from collections.abc import Iterator
from typing import NamedTuple

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
_SECCOMP_MODE_FILTER = 2
_PROT_EXEC = 4

# linux/landlock.h: by ABI, what a ruleset may handle. It allows nothing, so all that is handled is refused.
_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446  # on every architecture
_LANDLOCK_CREATE_RULESET_VERSION = 1
_FILES_BY_ABI = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # how many of the rights, which are single bits
_NETWORK_ABI, _NETWORK_RIGHTS = 4, 0b11  # bind and connect of TCP
_SCOPE_ABI, _SCOPES = 6, 0b11  # abstract UNIX sockets, and signals to processes outside

NICE = 10
# Of addresses. Python and FFmpeg take 130 MB of them, a picture of 4096 x 2304 another 30. A pod must
# hold the worker, both processes that decode, and the one that starts decoders: 1 GiB does.
MAX_MEMORY_BYTES = 320 * 1024 * 1024


class SandboxError(OSError):
    """This kernel or machine cannot shut a process in."""


class Machine(NamedTuple):
    """Its AUDIT_ARCH, and the numbers of its system calls."""

    audit: int
    plain: tuple[int, ...]  # allowed whatever their arguments
    read: tuple[int, ...]  # allowed of the one file: read, lseek, fstat
    write: int
    maps: tuple[int, ...]  # mmap and mprotect: allowed without PROT_EXEC
    others: int  # from this number on it is another ABI of the same machine


# plain: munmap, brk, mremap, madvise, futex, clock_gettime, gettimeofday, getrandom, sched_yield, gettid,
# getpid, sched_getaffinity, rt_sigreturn, restart_syscall, exit, exit_group
MACHINES = {
    "x86_64": Machine(
        0xC000003E,
        (11, 12, 25, 28, 202, 228, 96, 318, 24, 186, 39, 204, 15, 219, 60, 231),
        (0, 8, 5),
        1,
        (9, 10),
        0x40000000,  # x32
    ),
    "aarch64": Machine(
        0xC00000B7,
        (215, 214, 216, 233, 98, 113, 169, 278, 124, 178, 172, 123, 139, 128, 93, 94),
        (63, 62, 80),
        64,
        (222, 226),
        0x40000000,
    ),
}

# linux/bpf_common.h, linux/seccomp.h; struct seccomp_data: nr, arch, instruction pointer, six arguments
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000


def limit_itself() -> None:
    """Let media go first, take no more memory than that, leave no core, and write into no file."""
    os.nice(NICE)
    for kind, most in (
        (resource.RLIMIT_AS, MAX_MEMORY_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        resource.setrlimit(kind, (most, most))


def confine(reads: int | None, writes: int, *, landlock: bool = True) -> None:
    """Shut this process in, with `reads` and `writes` as its only files; raises `SandboxError`.

    Import everything first. Other open files stay open and are of no use.
    """
    machine = MACHINES.get(platform.machine())
    if machine is None:
        raise SandboxError(errno.ENOSYS, "no sandbox for this machine", platform.machine())
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_DUMPABLE, 0)
    if landlock:
        _give_up_files()
    code = program(machine, reads, writes)
    text = ctypes.create_string_buffer(code, len(code))
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, _Program(len(code) // 8, ctypes.addressof(text)))


def die_with(parent: int) -> None:
    """End when the process `parent`, which has just forked this one, ends."""
    _prctl(_PR_SET_PDEATHSIG, 9)
    if os.getppid() != parent:
        os._exit(1)


def program(machine: Machine, reads: int | None, writes: int) -> bytes:
    """The filter, in classic BPF: 8 bytes an instruction."""
    return b"".join(struct.pack("=HBBI", *step) for step in _steps(machine, reads, writes))


def _steps(machine: Machine, reads: int | None, writes: int) -> Iterator[tuple[int, int, int, int]]:
    """(operation, steps to skip if it holds, and if it does not, operand)"""
    yield (_LOAD, 0, 0, _ARCH)
    yield (_EQUAL, 1, 0, machine.audit)
    yield (_RETURN, 0, 0, KILL)
    yield (_LOAD, 0, 0, _NUMBER)
    yield (_AT_LEAST, 0, 1, machine.others)
    yield (_RETURN, 0, 0, KILL)
    for number in machine.plain:
        yield (_EQUAL, 0, 1, number)
        yield (_RETURN, 0, 0, ALLOW)
    files = {machine.write: writes} | ({} if reads is None else dict.fromkeys(machine.read, reads))
    for number, file in files.items():
        yield (_EQUAL, 0, 4, number)
        yield (_LOAD, 0, 0, _ARGUMENTS)
        yield (_EQUAL, 0, 1, file)
        yield (_RETURN, 0, 0, ALLOW)
        yield (_RETURN, 0, 0, REFUSE)
    for number in machine.maps:
        yield (_EQUAL, 0, 4, number)
        yield (_LOAD, 0, 0, _ARGUMENTS + 2 * 8)
        yield (_ANY_BIT, 1, 0, _PROT_EXEC)
        yield (_RETURN, 0, 0, ALLOW)
        yield (_RETURN, 0, 0, REFUSE)
    yield (_RETURN, 0, 0, REFUSE)


class _Program(ctypes.Structure):  # struct sock_fprog
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))


def landlock_abi() -> int:
    """What this kernel has of it; less than 1: nothing."""
    return _call(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_CREATE_RULESET_VERSION)


def _give_up_files() -> None:
    """By Landlock; does nothing where the kernel has none, or a container's filter forbids it."""
    abi = landlock_abi()
    if abi < 1:
        return
    files = (1 << _FILES_BY_ABI[min(abi, max(_FILES_BY_ABI))]) - 1
    rights = [files] + [_NETWORK_RIGHTS] * (abi >= _NETWORK_ABI) + [_SCOPES] * (abi >= _SCOPE_ABI)
    rules = struct.pack(f"={len(rights)}Q", *rights)
    ruleset = _call(_LANDLOCK_CREATE_RULESET, rules, len(rules), 0)
    if ruleset < 0 or _call(_LANDLOCK_RESTRICT_SELF, ruleset, 0) < 0:
        raise SandboxError(ctypes.get_errno(), "Landlock")
    os.close(ruleset)


def _call(number: int, *arguments: bytes | int | None) -> int:
    """A system call; -1: refused."""
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    words = (each if isinstance(each, bytes | None) else ctypes.c_long(each) for each in arguments)
    return int(call(ctypes.c_long(number), *words))


def _prctl(option: int, value: int, more: ctypes.Structure | None = None) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    zero = ctypes.c_ulong(0)
    argument = zero if more is None else ctypes.byref(more)
    if libc.prctl(option, ctypes.c_ulong(value), argument, zero, zero) != 0:
        raise SandboxError(ctypes.get_errno(), f"prctl {option}")
