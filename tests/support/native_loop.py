"""The native step in tests that have no network: it sends over loopback, and what arrives is handed on."""

import contextlib
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from typing import Protocol
from weakref import WeakSet

import pytest

from media.native.choice import NativeSending, chosen
from media.rtp.opener import MakeOpener
from media.transport.address import FanOut, Target, Transmit
from media.transport.socket_buffers import enlarge
from media.transport.udp import UDP_GRO

NATIVE = chosen("auto")
SENDERS = ("python",) if NATIVE is None else ("python", "native")
_PKTINFO = struct.Struct("@i4s4s")
_MOST_BYTES = 65_536
_NUMBERS, _INDEX = 10, 6  # bytes of a packet's numbers, and of the index that they begin with


class Observer(Protocol):
    def saw_native(self, cipher: object, index: int, datagram: bytes) -> None: ...


observers: WeakSet[Observer] = WeakSet()  # of all that any loop sends


class NativeLoop:
    """Each target of a call gets a loopback address of its own for as long as the call lasts."""

    def __init__(self, native: NativeSending) -> None:
        self.native = native
        self._from = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._to = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for end in (self._from, self._to):
            enlarge(end)
            end.setblocking(False)
        self._to.bind(("0.0.0.0", 0))
        self._to.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
        self._to.setsockopt(socket.IPPROTO_IP, socket.IP_PKTINFO, 1)
        self._port = self._to.getsockname()[1]

    def close(self) -> None:
        self._from.close()
        self._to.close()

    def fan_out(self, transmit: Transmit) -> FanOut:
        """Calls `transmit` with each run as the kernel took it, and the address that it was meant for."""

        def send(
            headers: Sequence[bytes],
            payloads: Sequence[bytes],
            runs: Sequence[tuple[int, int]],
            targets: Sequence[Target],
        ) -> None:
            meant = {f"127.1.{n >> 8}.{n & 255}": target[1] for n, target in enumerate(targets)}
            looped = [
                (cipher, (host, self._port), numbers)
                for host, (cipher, _, numbers) in zip(meant, targets, strict=True)
            ]
            sent = self.native.send(self._from.fileno(), headers, payloads, runs, looped)
            assert sent == (len(headers) * len(targets), sum(length for length, _ in runs) * len(targets), 0)
            places = dict.fromkeys(meant, 0)
            for run, size, host in self._arrived():
                cipher, _, numbers = targets[list(meant).index(host)]
                for at in range(0, len(run), size):
                    index = int.from_bytes(numbers[_NUMBERS * places[host] :][:_INDEX])
                    places[host] += 1
                    for observer in list(observers):
                        observer.saw_native(cipher, index, run[at : at + size])
                transmit(run, size, meant[host])

        return FanOut(self.native.Cipher, send, self.native.lay)

    def _arrived(self) -> Iterator[tuple[bytes, int, str]]:
        with contextlib.suppress(BlockingIOError):
            while True:
                run, ancillary, _, _ = self._to.recvmsg(_MOST_BYTES, 256)
                size, host = len(run), ""
                for level, kind, value in ancillary:
                    if level == socket.IPPROTO_UDP and kind == UDP_GRO:
                        size = int.from_bytes(value, sys.byteorder)
                    elif level == socket.IPPROTO_IP and kind == socket.IP_PKTINFO:
                        host = socket.inet_ntoa(_PKTINFO.unpack(value)[2])
                yield run, size, host


_used: NativeLoop | None = None


def looped_fan_out(transmit: Transmit) -> FanOut | None:
    """What a test's viewers are sent to by; None while its module runs with Python's sender."""
    return None if _used is None else _used.fan_out(transmit)


def used_opener() -> MakeOpener | None:
    """What opens a publisher's runs; None while a test's module runs with Python's."""
    return None if _used is None else _used.native.Opener


@pytest.fixture(scope="module", params=SENDERS)
def each_sender(request: pytest.FixtureRequest) -> Iterator[None]:
    """The module's tests run by each sender that is here."""
    global _used
    if request.param == "python":
        yield
        return
    assert NATIVE is not None
    _used = NativeLoop(NATIVE)
    try:
        yield
    finally:
        _used.close()
        _used = None
