"""The native step in tests that have no network: it sends over loopback, and what arrives is handed on."""

import contextlib
import os
import socket
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol
from weakref import WeakSet

import pytest
from hypothesis import settings

from media.native.choice import NativeSending, chosen
from media.rtp.run import Form, MakeOpener, Run
from media.transport.address import INDEX, Address, FanOut, Target, Transmit
from media.transport.socket_buffers import enlarge
from media.transport.udp import UDP_GRO, send_natively

NATIVE = chosen("auto")
SENDERS = ("python",) if NATIVE is None else ("python", "native")
# `make sanitize` wants more
many = settings(max_examples=int(os.environ.get("NATIVE_INPUTS", "100")), deadline=None)
_IP_PKTINFO = 8  # linux/in.h; before Python 3.14 not in every socket module
_PKTINFO = struct.Struct("@i4s4s")
_MOST_BYTES = 65_536


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
        self._to.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        self._port = self._to.getsockname()[1]

    def close(self) -> None:
        self._from.close()
        self._to.close()

    def fan_out(self, transmit: Transmit) -> FanOut:
        """Calls `transmit` with each run as the kernel took it, and the address that it was meant for."""

        def send(run: Run, form: Form, targets: Sequence[Target]) -> None:
            looped, meant = self._looped(targets)
            packets, _, lost = send_natively(self.native, self._from.fileno(), run, form, looped)
            assert (packets, lost) == (len(run) * len(targets), 0)
            firsts = [int.from_bytes(target[2][:INDEX]) for target in targets]
            self._hand_on(targets, meant, transmit, lambda target, place: firsts[target] + place)

        return FanOut(self.native.Cipher, send)

    def _looped(self, targets: Sequence[Target]) -> tuple[list[Target], dict[str, Address]]:
        meant = {f"127.1.{n >> 8}.{n & 255}": target[1] for n, target in enumerate(targets)}
        pairs = zip(meant, targets, strict=True)
        return [(cipher, (host, self._port), numbers) for host, (cipher, _, numbers) in pairs], meant

    def _hand_on(
        self,
        targets: Sequence[Target],
        meant: dict[str, Address],
        transmit: Transmit,
        index: Callable[[int, int], int],
    ) -> None:
        """`index` tells that of a packet by the places of target and packet."""
        hosts, places = list(meant), dict.fromkeys(meant, 0)
        for run, size, host in self._arrived():
            target = hosts.index(host)
            for at in range(0, len(run), size):
                number = index(target, places[host])
                places[host] += 1
                for observer in list(observers):
                    observer.saw_native(targets[target][0], number, run[at : at + size])
            transmit(run, size, meant[host])

    def _arrived(self) -> Iterator[tuple[bytes, int, str]]:
        with contextlib.suppress(BlockingIOError):
            while True:
                run, ancillary, _, _ = self._to.recvmsg(_MOST_BYTES, 256)
                size, host = len(run), ""
                for level, kind, value in ancillary:
                    if level == socket.IPPROTO_UDP and kind == UDP_GRO:
                        size = int.from_bytes(value, sys.byteorder)
                    elif level == socket.IPPROTO_IP and kind == _IP_PKTINFO:
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
