"""Whether what a viewer got under one SSRC is one stream, whatever it was made of."""

import itertools
from collections.abc import Sequence

from media.rtp.packet import RtpPacket
from tests.support.sequence_unwrapper import SequenceUnwrapper


def assert_one_stream(packets: Sequence[RtpPacket], *, gaps: bool = False) -> None:
    """Numbers that go on, and timestamps that never go back. Losses on the way in may leave gaps."""
    if not packets:
        return
    unwrap = SequenceUnwrapper(packets[0].sequence)
    numbers = [unwrap.unwrap(packet.sequence) for packet in packets]
    assert numbers == sorted(set(numbers))
    if not gaps:
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    steps = [later.timestamp - packet.timestamp & 0xFFFFFFFF for packet, later in itertools.pairwise(packets)]
    assert all(step < 1 << 31 for step in steps)


def assert_each_number_is_one_packet(packets: Sequence[RtpPacket]) -> None:
    """What comes late has its place before what was sent already."""
    unwrap = SequenceUnwrapper(packets[0].sequence if packets else 0)
    numbers = [unwrap.unwrap(packet.sequence) for packet in packets]
    assert len(set(numbers)) == len(numbers)
    in_order = [packet for _, packet in sorted(zip(numbers, packets, strict=True), key=lambda pair: pair[0])]
    assert_one_stream(in_order, gaps=True)
