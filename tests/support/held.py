"""Runs in one piece, without the native step that makes them."""

from collections.abc import Iterable
from typing import Any, cast

from media.rtp.opener import NativeRun
from media.tracks.held_run import HeldRun


class _Numbers(list[int]):
    """As far as a `HeldRun` asks; the size of each is its number."""

    def size(self, place: int) -> int:
        return self[place]


def held_run(first: int, items: Iterable[int]) -> HeldRun[Any]:
    """Of these items, from the index `first` on."""
    return HeldRun(0, 1, first, cast(NativeRun, _Numbers(items)))


class JoinedBytes(list[bytes]):
    """Datagrams that the kernel has joined."""

    @property
    def octets(self) -> int:
        return sum(map(len, self))

    def begin_within(self, least: int, most: int) -> bool:
        return all(least <= datagram[0] <= most for datagram in self)

    @property
    def head(self) -> bytes:
        return self[0][:12]
