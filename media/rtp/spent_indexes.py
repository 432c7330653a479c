"""Which indexes of one stream have served a packet (RFC 3711 3.3.1)."""

from bisect import bisect_right

from media.rtp.sequence import REORDER_PACKETS

INDEXES = 1 << 48  # of RTP under one key and SSRC (RFC 3711 9.2)


class SpentIndexes:
    """The spent indexes of one SSRC under one key: those below `next_index`, but for a few gaps.

    Packets in order cost one comparison, with gaps or without. Of the indexes that are left out, those of the
    last `REORDER_PACKETS` may still be spent; at first, those before the first packet, too.
    """

    __slots__ = ("_gaps", "next_index")

    def __init__(self) -> None:
        self.next_index = 0
        self._gaps: list[tuple[int, int]] = []  # (first, the one after the last), ascending, never touching

    def spend(self, first: int, after: int) -> bool:
        """Spend the indexes from `first` to below `after`. False, and none is, if one must not be."""
        if after > INDEXES:
            return False
        if first != self.next_index:
            if first < self.next_index:
                return self._fill(first, after)
            self._leave_out(self.next_index, first)
        self.next_index = after
        return True

    def __contains__(self, index: int) -> bool:
        """Whether the index is spent."""
        return index < self.next_index and self._gap(index) is None

    def _leave_out(self, first: int, after: int) -> None:
        gaps = self._gaps
        while gaps and gaps[0][1] <= after - REORDER_PACKETS:
            del gaps[0]
        gaps.append((max(first, after - REORDER_PACKETS), after))

    def _fill(self, first: int, after: int) -> bool:
        place = self._gap(first)
        if place is None or after > self._gaps[place][1]:
            return False
        begin, end = self._gaps[place]
        self._gaps[place : place + 1] = [gap for gap in ((begin, first), (after, end)) if gap[0] < gap[1]]
        return True

    def _gap(self, index: int) -> int | None:
        """The place of the gap that `index` is in."""
        place = bisect_right(self._gaps, (index, INDEXES)) - 1
        return place if place >= 0 and index < self._gaps[place][1] else None
