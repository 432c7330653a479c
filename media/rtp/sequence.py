"""Sequence numbers across wraps, and their translation from a publisher's to a room's."""

from collections.abc import Sequence

# How far a packet may lag behind and still be accepted: enough for a second of video with retransmission.
REORDER_PACKETS = 1024

# A viewer may lose all of its first `WRAP_GUARD` packets. If the sequence number wrapped right after them,
# it would assume a rollover counter of 0 instead of 1 and never decrypt anything. So no viewer starts closer
# to a wrap.
WRAP_GUARD = 64

# By how many ticks a packet may be earlier than the one before it since pictures are sent out of order: an
# encoder holds back 16 of them at most (H.264 A.3.1), 16 s of video's clock where one comes each second.
MOST_BACK = 16 * 90_000

_WINDOW = (1 << REORDER_PACKETS) - 1


class SequenceTranslator:
    """Joins the sequence numbers and timestamps of successive sources into one unbroken stream.

    Each index is used only once, whatever a publisher sends: SRTP must never protect two packets under one
    (RFC 3711 9.1, RFC 7714 8.4). So duplicates, and packets from before a source's first, get no index.
    """

    __slots__ = ("_given", "_timestamp_offset", "expected", "latest_timestamp", "next_index")

    def __init__(self, index: int, timestamp: int) -> None:
        """The first packet of the first source becomes `index` (48 bits) and `timestamp` (32 bits)."""
        # The index after the highest one used. Packets that arrive in order continue from here.
        self.next_index = index
        self.expected = 0  # the source's sequence number for `next_index`
        self._given = _WINDOW  # bit n: index `next_index - 1 - n` is used
        self.latest_timestamp = timestamp  # the room's, of the newest packet
        self._timestamp_offset = 0

    def rebase(self, sequence: int, timestamp: int, elapsed: int) -> None:
        """Switch to a source whose first packet has `sequence` and `timestamp`.

        It continues at the next index, `elapsed` ticks of the media's clock after the latest timestamp.
        """
        self.expected = sequence
        self._given = _WINDOW
        # at once: after half of the range, 6.6 h of pictures, the first packet would seem to be an older one
        self.latest_timestamp = self.latest_timestamp + elapsed & 0xFFFFFFFF
        self._timestamp_offset = self.latest_timestamp - timestamp

    def rejoin(self, sequence: int, timestamp: int, index: int, room_timestamp: int) -> None:
        """Switch to a source that sends the present stream, too: packets that came already get no index.

        What is `index` and `room_timestamp` in the room has `sequence` and `timestamp` there.
        """
        self.expected = sequence + self.next_index - index & 0xFFFF
        self._timestamp_offset = room_timestamp - timestamp

    def translate(self, sequence: int, timestamps: Sequence[int]) -> tuple[int, int] | None:
        """The room's index of a packet, and what is to be added to its timestamp; None: do not forward it.

        Of successive packets from the next one on, `timestamps` may have more than one: then the index is
        that of the first.
        """
        index, count = self.next_index, len(timestamps)
        if sequence == self.expected:
            self.expected = sequence + count & 0xFFFF
            if self._given is not _WINDOW:  # as long as there is no gap, it remains the same object
                given = self._given << count | (1 << count) - 1
                self._given = _WINDOW if given & _WINDOW == _WINDOW else given & _WINDOW
            self.next_index = index + count
        else:
            ahead = sequence - self.expected & 0xFFFF
            # RFC 3711 3.3.1: less than half the number space ahead of the highest, otherwise behind it
            index += ahead if ahead < 0x7FFF else ahead - 0x10000
            if not self._give(index):
                return None
        shift = self._timestamp_offset & 0xFFFFFFFF
        first = timestamps[0]
        for timestamp in (first,) if timestamps.count(first) == count else timestamps:
            translated = timestamp + shift & 0xFFFFFFFF
            ahead = translated - self.latest_timestamp & 0xFFFFFFFF
            # the newest packet also after a pause of half the range: 6.6 h of pictures, 12.4 h of sound
            if ahead < 0x80000000 or (ahead < 0x100000000 - MOST_BACK and index + count == self.next_index):
                self.latest_timestamp = translated
        return index, shift

    def is_before_window(self, sequence: int) -> bool:
        """Whether a packet of that number is too late for an index, if it does not come far ahead."""
        return -signed(sequence - self.expected, 16) > REORDER_PACKETS

    def _give(self, index: int) -> bool:
        """Use an index that is not the next one, if it is free; returns whether it was."""
        behind = self.next_index - 1 - index
        if behind < 0:  # the indices in between remain unused
            self._given = (self._given << -behind | 1) & _WINDOW
            self.expected = self.expected - behind & 0xFFFF
            self.next_index = index + 1
            return True
        if behind >= REORDER_PACKETS or self._given >> behind & 1:
            return False
        self._given |= 1 << behind
        return True

    def translate_timestamp(self, timestamp: int) -> int:
        """The room's timestamp for a timestamp of the current source, for example in a sender report."""
        return timestamp + self._timestamp_offset & 0xFFFFFFFF


def signed(difference: int, bits: int = 32) -> int:
    """How far a number of `bits` bits is ahead of another one; below 0: behind it, from half the range on."""
    wrapped = difference & (1 << bits) - 1
    return wrapped - (1 << bits) if wrapped >> bits - 1 else wrapped


def before_wrap(index: int) -> int:
    """The number of indices from `index` on before the sequence number wraps."""
    return 0x10000 - (index & 0xFFFF)


def behind_guard(index: int) -> int:
    """`index`, or the first index after the wrap if that is too close."""
    left = before_wrap(index)
    return index + left if left <= WRAP_GUARD else index
