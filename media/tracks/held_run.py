"""Packets of one track that came at once, kept in one piece."""

from typing import Generic, TypeVar

from msgspec import Struct

from media.rtp.opener import NativeRun

Item = TypeVar("Item")


class HeldRun(Struct, Generic[Item], frozen=True, gc=False, eq=False):
    """Successive packets of a track from the index `first` on, made of `packets` when they are asked for.

    `track` and `ssrc` are those of an `Outgoing`. Whatever keeps packets keeps it in the place of each.
    """

    track: int
    ssrc: int
    first: int
    packets: NativeRun

    def __len__(self) -> int:
        return len(self.packets)

    def item(self, index: int) -> Item:
        """The packet of that index, made anew with each call."""
        item: Item = self.packets[index - self.first]
        return item

    def items(self) -> list[Item]:
        """All of them."""
        return list(self.packets)

    def size(self, index: int) -> int:
        """Bytes of its payload."""
        return self.packets.size(index - self.first)
