"""Sequence numbers over the wrap, and their translation from a publisher's to a room's."""

# How late a packet may be and still get its place: a second of video and a retransmission fit.
REORDER_PACKETS = 1024

_WINDOW = (1 << REORDER_PACKETS) - 1


class SequenceUnwrapper:
    """16-bit sequence numbers -> indices that do not wrap (RFC 3711 3.3.1).

    The first index is the first sequence number; what was sent before it gets a smaller one, down to below 0.
    """

    __slots__ = ("_highest",)

    def __init__(self, first: int) -> None:
        self._highest = first

    def unwrap(self, sequence: int) -> int:
        """The index nearest to the highest so far: less than 32768 ahead of it, or at most 32768 behind."""
        ahead = sequence - self._highest & 0xFFFF
        if ahead >= 0x8000:
            return self._highest + ahead - 0x10000
        self._highest += ahead
        return self._highest


class SequenceTranslator:
    """Turns the sequence numbers and timestamps of one source after another into one unbroken stream.

    An index is given out once, ever, whatever a publisher sends: SRTP must never see two packets under one
    (RFC 3711 9.1, RFC 7714 8.4). So duplicates, and packets from before a source began, have none.
    """

    __slots__ = ("_given", "_highest", "_index_offset", "_source", "_timestamp", "_timestamp_offset")

    def __init__(self, index: int, timestamp: int) -> None:
        """The first packet of the first source becomes `index` (48 bits) and `timestamp` (32 bits)."""
        self._highest = index - 1  # of the indices given out
        self._given = _WINDOW  # bit n: index `_highest - n` is given out
        self._timestamp = timestamp  # the latest given out
        self._source = SequenceUnwrapper(0)
        self._index_offset = index
        self._timestamp_offset = 0

    @property
    def next_index(self) -> int:
        """The index after the highest given out: no later packet of a source in order gets a smaller one."""
        return self._highest + 1

    def rebase(self, sequence: int, timestamp: int, elapsed: int) -> None:
        """Go over to a source whose first packet has `sequence` and `timestamp`.

        It continues at the next index, `elapsed` ticks of the media's clock after the latest timestamp.
        """
        self._source = SequenceUnwrapper(sequence)
        self._index_offset = self._highest + 1 - sequence
        self._given = _WINDOW
        self._timestamp_offset = self._timestamp + elapsed - timestamp

    def translate(self, sequence: int, timestamp: int) -> tuple[int, int] | None:
        """The room's index and timestamp of a packet; None for one that must not be forwarded."""
        index = self._source.unwrap(sequence) + self._index_offset
        ahead = index - self._highest
        if ahead > 0:
            self._given = (self._given << ahead | 1) & _WINDOW if ahead < REORDER_PACKETS else 1
            self._highest = index
        else:
            if -ahead >= REORDER_PACKETS or self._given >> -ahead & 1:
                return None
            self._given |= 1 << -ahead
        translated = timestamp + self._timestamp_offset & 0xFFFFFFFF
        if translated - self._timestamp & 0xFFFFFFFF < 0x80000000:
            self._timestamp = translated
        return index, translated

    def translate_timestamp(self, timestamp: int) -> int:
        """The room's timestamp for the current source's, as in its sender reports."""
        return timestamp + self._timestamp_offset & 0xFFFFFFFF
