"""Ports that nobody else takes between the moment a test chooses one and the moment its process binds it.

They lie below those that the kernel gives to connections and to port 0, and each process of tests has a block
of its own: a number that was only "free just now" would be somebody else's once in a few hundred times.
"""

import atexit
import functools
import itertools
import socket
from collections.abc import Iterator

LOOPBACK = "127.0.0.1"
# The kernel's own begin at 32,768. The last port that browsers refuse, by the Fetch standard, is 10080.
_FIRST, _BLOCK, _BLOCKS = 10_100, 400, 56


def free_port(host: str = LOOPBACK, kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    return _free(host, (kind,))


def free_media_port(host: str = LOOPBACK) -> int:
    """A number that is free of UDP and of TCP."""
    return _free(host, (socket.SOCK_DGRAM, socket.SOCK_STREAM))


def _free(host: str, kinds: tuple[socket.SocketKind, ...]) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return next(port for port in _own_block() if all(_is_free(family, host, port, kind) for kind in kinds))


def _is_free(family: socket.AddressFamily, host: str, port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(family, kind) as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


@functools.cache
def _own_block() -> Iterator[int]:
    """The ports of this process, again and again; those it took last come last.

    An abstract socket's name is the block's lock. It is gone with the process, however that ends.
    """
    for number in range(_BLOCKS):
        lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            lock.bind(f"\0roomcast-test-ports-{number}")
        except OSError:
            lock.close()
            continue
        atexit.register(lock.close)
        return itertools.cycle(range(_FIRST + number * _BLOCK, _FIRST + (number + 1) * _BLOCK))
    raise RuntimeError("no block of ports is left")
