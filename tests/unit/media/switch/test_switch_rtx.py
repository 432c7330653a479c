"""The switch: what a publisher sends again takes its place (RFC 4588).

What is taken for a packet of the track: `tests/unit/media/tracks/test_source_track.py`.
"""

import pytest

from shared.sdp.sources import Sources
from tests.support.far_end import rtp
from tests.support.once_world import OnceWorld
from tests.support.published import VIDEO, sound, video
from tests.support.world import SSRCS

pytestmark = pytest.mark.usefixtures("each_sender")

RTX_TYPE, RTX_SSRC = 97, 0x1111
SOURCE = 0x51
DECLARED = {RTX_SSRC: SOURCE}


class Again:
    """A world whose video comes again by RTX, and the packets of it that were held back."""

    def __init__(self, repairs: dict[int, int]) -> None:
        self.world = OnceWorld()
        sources = Sources(ssrcs=(SOURCE,), repairs=repairs)
        self.world.succeed([video("unknown", feedback=["nack"], rtx=RTX_TYPE, sources=sources), sound()])
        self.world.replace_publisher()
        self.viewer = self.world.join()
        self._index = 0

    def send(self, payload: bytes, padding: int = 0) -> None:
        self._index += 1
        plain = rtp(self._index, payload, payload_type=RTX_TYPE, ssrc=RTX_SSRC, padding=padding)
        self.world.receive(self.world.publisher.protect(plain, self._index))

    def lose(self, count: int) -> list[bytes]:
        """That many packets get lost between two that do not; what RTX has to bring for each."""
        self.world.burst(VIDEO)
        lost = []
        for _ in range(count):
            self.world.datagram(VIDEO)
            sequence = self.world.publisher.sequences[VIDEO]
            lost.append(sequence.to_bytes(2) + b"lost %d" % sequence)
        self.world.burst(VIDEO)
        return lost

    def payloads(self) -> list[tuple[int, bytes]]:
        """Number and payload of those that came again, since the last call."""
        packets = self.viewer.packets()
        assert {(packet.payload_type, packet.ssrc) for packet in packets} <= {(96, SSRCS[VIDEO])}
        return [(packet.sequence, packet.payload) for packet in packets if packet.payload[:4] == b"lost"]

    @property
    def counts(self) -> tuple[int, int, int]:
        feed = self.world.feed
        return feed.rx_packets, feed.rx_dropped, feed.rx_late


@pytest.mark.parametrize("repairs", [DECLARED, {}], ids=["declared", "undeclared"])
def test_a_packet_that_comes_by_rtx_takes_its_place(repairs: dict[int, int]) -> None:
    again = Again(repairs)
    for payload in again.lose(2):
        again.send(payload)
    assert again.payloads() == [(2, b"lost 2"), (3, b"lost 3")]
    assert again.counts == (4, 0, 0)


@pytest.mark.parametrize("repairs", [DECLARED, {}], ids=["declared", "undeclared"])
def test_probes_of_the_bandwidth_are_neither_packets_of_the_track_nor_errors(repairs: dict[int, int]) -> None:
    again = Again(repairs)
    again.lose(0)
    before, _, _ = again.counts
    again.send(b"", padding=200)
    again.send(b"\1", padding=3)
    again.send((1).to_bytes(2) + b"was here")
    again.send(b"")
    assert not again.payloads()
    assert again.counts == (before, 0, 0)


def test_a_packet_that_is_sent_again_without_rtx_takes_its_place_too() -> None:
    again = Again({})
    world = again.world
    world.burst(VIDEO)
    late = world.datagram(VIDEO)
    world.burst(VIDEO)
    nack = world.feed.sources[VIDEO].nack
    assert nack is not None
    assert nack.due(world.now + 0.1)
    world.receive(late)
    assert len(again.viewer.packets()) == 3
    assert (world.feed.rx_recovered, world.feed.rx_late) == (1, 0)
