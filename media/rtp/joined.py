"""Datagrams that came at once."""

from collections.abc import Iterable, Iterator
from typing import Protocol


class Joined(Protocol):
    """Those of one source that the kernel has joined: `media.native.fan_out.Joined`, see its stub."""

    @property
    def octets(self) -> int: ...
    @property
    def head(self) -> bytes: ...
    def __len__(self) -> int: ...
    def __getitem__(self, place: int, /) -> bytes: ...
    def __iter__(self) -> Iterator[bytes]: ...
    def begin_within(self, least: int, most: int, /) -> bool: ...


def datagrams_of(data: bytes | Joined) -> Iterable[bytes]:
    """The one, or all that came joined."""
    return (data,) if isinstance(data, bytes) else data
