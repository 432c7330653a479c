"""A burst as it is laid out in memory: in which sends it leaves for a viewer."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.libsrtp import MAX_PACKET
from media.rtp.packet import parse
from media.rtp.srtp import GCM_TAG
from media.switch.laid_burst import BUFFER_BYTES, MAX_SEGMENTS, LaidBurst
from media.switch.packet_header import SentAt
from media.switch.viewer import Place
from media.switch.wire import Wire
from media.transport.udp import MAX_DATAGRAM
from tests.support.audience import Audience, outgoing
from tests.support.far_end import BOTH_PROFILES, one_byte, rtp
from tests.support.far_viewer import PLAIN
from tests.support.world import SSRCS

pytestmark = pytest.mark.usefixtures("each_sender")


def runs_for(sizes: Sequence[int]) -> list[tuple[int, int]]:
    """`(segment size, segments)` of each send to one viewer, for payloads of these sizes."""
    audience = Audience()
    viewer = audience.join()
    burst = [outgoing(n, rtp(n, bytes(size))) for n, size in enumerate(sizes, 1)]
    audience.send(burst)
    assert [len(packet) - 12 for packet in audience.received(viewer)] == list(sizes)
    return [(size, count) for _, size, count in audience.sends.calls]


OVERHEAD = 12 + GCM_TAG


@pytest.mark.parametrize(
    ("sizes", "runs"),
    [
        ([1000], [(1000, 1)]),
        ([1000] * 10, [(1000, 10)]),
        ([1000, 1000, 400], [(1000, 3)]),
        ([1000, 400, 1000], [(1000, 2), (1000, 1)]),
        ([400, 1000, 1000], [(400, 1), (1000, 2)]),
        ([1000, 400, 400], [(1000, 2), (400, 1)]),
        ([3, 2, 1], [(3, 2), (1, 1)]),
        ([0, 0], [(0, 2)]),
        ([900] * MAX_SEGMENTS, [(900, MAX_SEGMENTS)]),
        # 54 datagrams of 1,200 bytes are the most below the limit
        ([1200 - OVERHEAD] * MAX_SEGMENTS, [(1200 - OVERHEAD, 54), (1200 - OVERHEAD, 10)]),
    ],
)
def test_packets_of_one_size_leave_in_one_send(sizes: list[int], runs: list[tuple[int, int]]) -> None:
    assert runs_for(sizes) == [(size + OVERHEAD, count) for size, count in runs]


@given(st.lists(st.integers(0, 1400), min_size=1, max_size=MAX_SEGMENTS))
def test_any_sizes_arrive_whole_and_in_order(sizes: list[int]) -> None:
    runs = runs_for(sizes)
    assert sum(count for _, count in runs) == len(sizes)


def test_a_full_burst_of_the_longest_packets_fits() -> None:
    """Header extensions grow most when all of their elements are of one byte."""
    audience = Audience([Wire(96, {1: 200}), None])
    viewers = [audience.join(profile) for profile in BOTH_PROFILES]
    sha1_tag = 10
    words = (MAX_DATAGRAM - 16 - sha1_tag) // 4
    elements = [(1, b"x")] * (2 * words)
    longest = rtp(payload=b"", extension=one_byte(*elements))
    assert MAX_DATAGRAM - sha1_tag - len(longest) < 4
    audience.send([outgoing(n, longest) for n in range(1, MAX_SEGMENTS + 1)])
    for viewer in viewers:
        received = audience.received(viewer)
        assert len(received) == MAX_SEGMENTS
        assert MAX_PACKET - 64 < len(received[0]) + GCM_TAG <= MAX_PACKET
        assert all(len(parse(packet).extensions) == len(elements) for packet in received)


def test_the_numbers_of_one_viewer_are_not_those_of_the_next() -> None:
    """A late packet goes to those on their way to the live edge behind the others, in one burst with them."""
    audience = Audience()
    changed, other = audience.join(), audience.join()
    audience.send([outgoing(1, rtp(1))])
    changed.take(Place(0, 700, 90), SSRCS[0])
    assert changed.patched
    buffer = memoryview(bytearray(BUFFER_BYTES))
    burst = [outgoing(number, rtp(number, bytes(100)), timestamp=900) for number in (700, 701)]
    laid = LaidBurst(burst, PLAIN, buffer, SentAt(0.0))
    for viewer in (changed, other):
        laid.send((viewer,))
    laid.flush()
    got = [[parse(data) for data in audience.received(viewer)[1:]] for viewer in (changed, other)]
    assert [[(packet.sequence, packet.timestamp) for packet in packets] for packets in got] == [
        [(2, 990), (3, 990)],
        [(700, 900), (701, 900)],
    ]
