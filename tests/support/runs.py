"""Runs as a publisher's packets become them, and both of the classes that there are."""

from collections import UserList
from collections.abc import Sequence
from typing import Any

from media.pure.run import Run as PureRun
from media.rtp.packet import RtpPacket, parse
from media.rtp.run import Run, datagrams_of
from tests.support.native_loop import NATIVE


def run_of(*packets: RtpPacket | bytes, track: int = 0, ssrc: int = 1, first: int = 1, shift: int = 0) -> Run:
    """Of these packets, from the index `first` on; `shift` is added to their timestamps."""
    run = PureRun.of([parse(packet) if isinstance(packet, bytes) else packet for packet in packets])
    run.number(track, ssrc, first, shift)
    return run


def sized(first: int, *sizes: int, timestamp: int = 0, track: int = 0) -> Run:
    """Packets with payloads of so many bytes, of one picture, which the last one ends."""
    last = len(sizes) - 1
    packets = [
        RtpPacket(
            False, place == last, 96, first + place & 0xFFFF, timestamp, 1, (), _payload(first + place, size)
        )
        for place, size in enumerate(sizes)
    ]
    return run_of(*packets, track=track, first=first)


def _payload(index: int, size: int) -> bytes:
    return (index.to_bytes(8) * (size // 8 + 1))[:size]


def indexes(runs: Sequence[Run] | Any) -> list[int]:
    """Of all their packets."""
    return [index for run in runs for index in range(run.first, run.first + len(run))]


def natively(run: Run) -> Run:
    """The same by the native step."""
    assert NATIVE is not None
    copy: Run = NATIVE.copy(datagrams_of(run))
    copy.number(run.track, run.ssrc, run.first, run.shift)
    return copy


RUNS = (run_of,) if NATIVE is None else (run_of, lambda *packets, **how: natively(run_of(*packets, **how)))


class JoinedBytes(UserList[bytes]):
    """Datagrams that the kernel has joined."""

    @property
    def octets(self) -> int:
        return sum(map(len, self))

    def begin_within(self, least: int, most: int) -> bool:
        return all(least <= datagram[0] <= most for datagram in self)

    @property
    def head(self) -> bytes:
        return self[0][:12]


def renumbered(run: Run, first: int | None = None, more: int = 0) -> Run:
    """The same packets from another index on, their timestamps in the room later by `more`."""
    copy = run.part(0, len(run))
    shift = run.shift + more & 0xFFFFFFFF
    copy.number(run.track, run.ssrc, run.first if first is None else first, shift)
    return copy
