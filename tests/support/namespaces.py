"""A network namespace that is connected only to what a test lets in. It requires root.

Inside is only loopback, with all its ports free: a socket made there may stand at the very address that a
server of the test has outside, and so a client inside needs to be told nothing.
"""

import asyncio
import contextlib
import ctypes
import fcntl
import os
import shlex
import socket
import struct
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

CLONE_NEWNET = 0x40000000  # linux/sched.h
SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1  # linux/sockios.h, linux/if.h

_libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """Lives as long as `descriptor` is open."""

    def __init__(self) -> None:
        self.descriptor = _in_own_thread(_new_network)

    def close(self) -> None:
        os.close(self.descriptor)

    @property
    def path(self) -> str:
        """What `nsenter --net` and `ip link add` take."""
        return f"/proc/{os.getpid()}/fd/{self.descriptor}"

    def run(self, *command: str, text: str | None = None) -> None:
        """Run a command inside, with `text` as its input, until it ends."""
        subprocess.run(["nsenter", f"--net={self.path}", *command], input=text, text=True, check=True)

    def socket(self, kind: socket.SocketKind, address: tuple[str, int]) -> socket.socket:
        """A socket inside, bound to `address`. It may be used from outside."""

        def make() -> socket.socket:
            enter(self)
            made = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, kind)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(address)
            return made

        return _in_own_thread(make)

    @contextlib.contextmanager
    def program(self, program: str) -> Iterator[Path]:
        """An executable that runs `program` inside."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / Path(program).name
            path.write_text(f'#!/bin/sh\nexec nsenter --net={self.path} {shlex.quote(program)} "$@"\n')
            path.chmod(0o755)
            yield path

    @contextlib.asynccontextmanager
    async def door(self, host: str, port: int) -> AsyncIterator[None]:
        """Let TCP to `host` and `port` inside go to the same outside, whole and at once."""

        async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.closing(writer), contextlib.suppress(OSError):
                while data := await reader.read(65536):
                    writer.write(data)
                    await writer.drain()

        async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.closing(writer):
                there, back = await asyncio.open_connection(host, port)
                await asyncio.gather(pass_on(reader, back), pass_on(there, writer))

        async with await asyncio.start_server(enter, sock=self.socket(socket.SOCK_STREAM, (host, port))):
            yield


def enter(namespace: Namespace) -> None:
    """Put the calling thread there, and the threads and programs that it starts."""
    _check(_libc.setns(namespace.descriptor, CLONE_NEWNET))


@contextlib.contextmanager
def new_namespace() -> Iterator[Namespace]:
    namespace = Namespace()
    try:
        yield namespace
    finally:
        namespace.close()


def _in_own_thread(work: Callable[[], T]) -> T:
    """A namespace belongs to a thread. This thread's ends with it; no other thread is touched."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(work).result()


def _new_network() -> int:
    _check(_libc.unshare(CLONE_NEWNET))
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        fcntl.ioctl(probe, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP))
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY)


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"a network namespace takes root: {os.strerror(number)}")
