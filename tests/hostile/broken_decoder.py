"""A decoder that somebody has taken over by a picture: what it tries, and what it gets.

    python -m tests.hostile.broken_decoder [--no-landlock]

Plays both processes that decode (`media.stills.decoder`, `media.details.reader`), started as a worker starts
them, with all tries in the place of FFmpeg; prints each with its outcome, and ends with 1 if one succeeded.
"""

import argparse
import asyncio
import ctypes
import json
import mmap
import os
import platform
import resource
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from media.details import reader
from media.details.contents import Contents
from media.details.reader_process import ReaderProcess
from media.stills import decoder
from media.stills.decoder_process import DecoderProcess
from media.stills.job import Keyframe
from shared.messages.stills import WIDTHS

_X86 = platform.machine() == "x86_64"
_LIBC = ctypes.CDLL(None, use_errno=True)
ALLOW = 0x7FFF0000


def syscall(x86: int, arm: int, *arguments: object) -> int:
    """A system call by its number; raises `OSError`."""
    result: int = _LIBC.syscall(ctypes.c_long(x86 if _X86 else arm), *arguments)
    if result == -1:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result


def _null(x86: int, arm: int) -> Callable[[], object]:
    """A call with nothing but zeros: EPERM comes before anything looks at them, any other error does not."""

    def call() -> object:
        process = os.getpid()
        try:
            result = syscall(x86, arm, 0, 0, 0, 0, 0, 0)
            if os.getpid() != process:  # that was a fork
                os._exit(0)
            return result
        except PermissionError:
            raise
        except OSError as error:
            return f"the kernel took it: {error.strerror}"

    return call


def _fork() -> int:
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    return child


def _library(flags: int) -> int:
    """Memory that runs code."""
    return mmap.mmap(-1, 4096, prot=mmap.PROT_READ | flags).size()


def _by_connecting(family: socket.AddressFamily, address: object) -> str:
    with socket.socket(family) as connection:
        connection.settimeout(1)
        connection.connect(address)
        return "connected"


_WORKER = os.getppid()  # at the start: what decodes may be a grandchild
_FILE = f"{tempfile.gettempdir()}/roomcast-broken"
TRIES: dict[str, Callable[[], object]] = {
    "read /etc/passwd": lambda: Path("/etc/passwd").read_text()[:20],
    "read its worker's environment": lambda: Path(f"/proc/{_WORKER}/environ").read_bytes(),
    "read its worker's memory": lambda: os.open(f"/proc/{_WORKER}/mem", os.O_RDONLY),
    "read its own environment": lambda: Path("/proc/self/environ").read_bytes(),
    "list a folder": lambda: os.listdir("/"),
    "look at a file": lambda: os.stat("/etc/passwd"),
    "read a link": lambda: os.readlink("/proc/self/exe"),
    "change its folder": lambda: os.chdir("/"),
    "write a file": lambda: os.open(_FILE, os.O_WRONLY | os.O_CREAT),
    "make a folder": lambda: os.mkdir(_FILE),
    "remove a file": lambda: os.unlink(_FILE),
    "rename a file": lambda: os.rename(_FILE, f"{_FILE}-2"),
    "change a file's mode": lambda: os.chmod(_FILE, 0o600),
    "make a socket": lambda: socket.socket().fileno(),
    "make a UDP socket": lambda: socket.socket(type=socket.SOCK_DGRAM).fileno(),
    "make a pair of sockets": socket.socketpair,
    "connect to Redis": lambda: _by_connecting(socket.AF_INET, ("127.0.0.1", 6379)),
    "connect to the cloud's metadata": lambda: _by_connecting(socket.AF_INET, ("169.254.169.254", 80)),
    "connect to a UNIX socket": lambda: _by_connecting(socket.AF_UNIX, "/run/docker.sock"),
    "make a pipe": os.pipe,
    "copy a file number": lambda: os.dup(0),
    "start a program": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "become a program": _null(59, 221),
    "become a program by its file": _null(322, 281),
    "fork": _fork,
    "vfork, clone": _null(56, 220),
    "clone3": _null(435, 435),
    "attach to its worker": lambda: syscall(101, 117, 0x4206, _WORKER, 0, 0),
    "read its worker's memory by a call": lambda: syscall(310, 270, _WORKER, 0, 0, 0, 0, 0),
    "write into its worker's memory": lambda: syscall(311, 271, _WORKER, 0, 0, 0, 0, 0),
    "signal its worker": lambda: os.kill(_WORKER, 0),
    "signal everybody": lambda: os.kill(-1, 0),
    "signal a thread": lambda: syscall(234, 131, _WORKER, _WORKER, 0),
    "get a handle of its worker": lambda: syscall(434, 434, _WORKER, 0),
    "run code that it has written": lambda: _library(mmap.PROT_WRITE | mmap.PROT_EXEC),
    "make memory executable": lambda: syscall(10, 226, *_page(), mmap.PROT_READ | mmap.PROT_EXEC),
    "make a file of memory": lambda: os.memfd_create("a"),
    "set up io_uring": _null(425, 425),
    "load a program into the kernel": _null(321, 280),
    "mount": _null(165, 40),
    "unshare": _null(272, 97),
    "enter a namespace": _null(308, 268),
    "change its root": lambda: os.chroot("/"),
    "change its user": lambda: os.setuid(0),
    "ask for keys": _null(250, 219),
    "userfaultfd": _null(323, 282),
    "watch the machine": _null(298, 241),
    "shared memory of System V": lambda: syscall(29, 194, 0, 4096, 0),
    "a message queue": lambda: syscall(240, 180, 0, 0, 0, 0),
    "watch files": _null(294, 26),
    "raise its limits": lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40)),
    "take more of the CPU": lambda: os.setpriority(os.PRIO_PROCESS, 0, 0),
    "let its memory be read": lambda: syscall(157, 167, 4, 1, 0, 0, 0),
    "another filter": lambda: syscall(317, 277, 2, 0, ctypes.byref(ctypes.c_uint(ALLOW))),
    "ioctl": _null(16, 29),
    "write to where its log was": lambda: os.write(2, b"x"),
    "read what is none of its own": lambda: os.read(3, 1),
    "take a gigabyte": lambda: len(bytearray(1 << 30)),
}


def _page() -> tuple[ctypes.c_void_p, ctypes.c_size_t]:
    page = mmap.mmap(-1, 4096)
    return ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(page))), ctypes.c_size_t(4096)


def tried() -> dict[str, str]:
    """Each try that succeeded, or how it was refused."""
    outcomes = {}
    for name, attempt in TRIES.items():
        try:
            outcomes[name] = f"SUCCEEDED: {str(attempt())[:40]}"
        except (OSError, MemoryError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error) or type(error).__name__
            outcomes[name] = f"refused: {reason}"
    return outcomes


def _pictures(*_: object, **__: object) -> dict[int, bytes]:
    return dict.fromkeys(WIDTHS, json.dumps(tried()).encode())


def play(which: str, landlock: str) -> None:
    """In the process itself: be broken, and go on as the product does."""
    module = {"decoder": decoder, "reader": reader}[which]
    if landlock == "no" and hasattr(module, "confine"):
        confine = module.confine
        module.confine = lambda *files: confine(*files, landlock=False)
    decoder.still_pictures = _pictures  # type: ignore[assignment]
    reader.contents_of = lambda *_, **__: Contents(None, 0, 0, _pictures())  # type: ignore[assignment]
    module.main()


def outcomes(which: str, file: BinaryIO, *, landlock: bool = True) -> dict[str, str]:
    """What a process that is broken so gets, started as a worker starts it."""
    code = f"import tests.hostile.broken_decoder as b; b.play('{which}', '{'yes' if landlock else 'no'}')"
    command = (sys.executable, "-P", "-c", code)
    if which == "reader":
        pictures = ReaderProcess(command).contents(file, "ivf", with_pictures=True).pictures
    else:

        async def ask() -> dict[int, bytes]:
            process = DecoderProcess(command)
            try:
                return (await process.outcome(Keyframe("VP8", [b""]))).pictures
            finally:
                await process.close()

        pictures = asyncio.run(ask())
    said: dict[str, str] = json.loads(next(iter(pictures.values())))
    return said


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.broken_decoder", description=__doc__)
    parser.add_argument("--no-landlock", action="store_true", help="as on a kernel without it")
    arguments = parser.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    succeeded = 0
    for which in ("decoder", "reader"):
        with tempfile.TemporaryFile() as file:
            for name, outcome in outcomes(which, file, landlock=not arguments.no_landlock).items():
                print(f"{which}: {name}: {outcome}")
                succeeded += outcome.startswith("SUCCEEDED")
    print(f"{succeeded} of {2 * len(TRIES)} tries succeeded")
    sys.exit(succeeded > 0)


if __name__ == "__main__":
    main()
