"""A publisher over a bad line, the real switch, a viewer: what is lost on the way in comes again, in time."""

from collections.abc import Iterable, Sequence

import pytest

from media.negotiation.agreed_tracks import PublishedTrack
from media.rtp.packet import parse
from media.rtp.rtcp import Nack, parse_compound
from media.rtp.rtx import RtxStream
from media.switch.wire import Wire
from shared.sdp.sources import Sources
from tests.support.far_end import rtp
from tests.support.far_publisher import FarPublisher
from tests.support.far_viewer import FarViewer
from tests.support.published import video
from tests.support.simulated_line import Line
from tests.support.world import World

STARTS = [0, 1, 32767, 63500, 65000, 65500]
INDEX = 65_000  # the room's first
PACKETS = 2500
SPACING = 0.002
IN_TIME = 0.500
MEDIA, RTX = (96, 0xCAFE), (97, 0xBEEF)
WITHOUT, PLAIN, WITH_RTX = "no nack", "plain", "rtx"


class Publisher(FarPublisher):
    """Sends again what it is asked for, as libwebrtc does with RTX and libdatachannel without."""

    def __init__(self, published: Sequence[PublishedTrack], first: int, with_rtx: bool) -> None:
        super().__init__(published)
        self.asked = 0
        self._first = first
        self._rtx = RtxStream(RTX[1], RTX[0], first=100) if with_rtx else None
        self._sent: dict[int, tuple[bytes, bytes]] = {}  # by sequence number: plain and protected

    def number(self, n: int) -> bytes:
        """Packet `n` of the stream."""
        sequence = self._first + n & 0xFFFF
        plain = rtp(sequence, n.to_bytes(4) * 50, payload_type=MEDIA[0], ssrc=MEDIA[1], timestamp=n * 180)
        self._sent[sequence] = plain, self.protect(plain)
        return self._sent[sequence][1]

    def again(self, compound: bytes) -> Iterable[bytes]:
        """The packets that a NACK asks for."""
        (nack,) = parse_compound(compound)
        assert isinstance(nack, Nack)
        assert nack.media_ssrc == MEDIA[1]
        for sequence in nack.sequences():
            self.asked += 1
            plain, protected = self._sent[sequence]
            if self._rtx is not None:
                packet = parse(plain)
                _, header, payload = self._rtx.wrap(packet, packet.sequence, packet.timestamp, b"")
                protected = self.protect(header + payload)
            yield protected


class UpstreamWorld(World):
    """A room whose publisher is behind a bad line, and whose viewers lose nothing."""

    publisher: Publisher

    def __init__(self, line: Line, first: int, mode: str) -> None:
        published = [
            video(
                feedback=() if mode == WITHOUT else ("nack",),
                rtx=RTX[0] if mode == WITH_RTX else None,
                sources=Sources(ssrcs=(MEDIA[1],), repairs={RTX[1]: MEDIA[1]}),
            )
        ]
        self._line = line
        publisher = Publisher(published, first, with_rtx=mode == WITH_RTX)
        super().__init__(published, index=INDEX, clock=line, publisher=publisher)

    def tell_publisher(self, compound: bytes) -> None:
        self._line.send(lambda: self.carry(*self.publisher.again(compound)))

    def carry(self, *datagrams: bytes) -> None:
        """Send datagrams over the line into the room."""
        for datagram in datagrams:
            self._line.send(lambda datagram=datagram: self.receive(datagram))  # type: ignore[misc]

    def send_due_rtcp(self) -> None:
        super().send_due_rtcp()
        if self.rtcp_due_at is not None:
            self._line.at(self.rtcp_due_at, self.send_due_rtcp)


def play(first: int, mode: str, loss: float) -> tuple[float, UpstreamWorld]:
    """The share of packets that the viewer got in time."""
    line = Line(seed=first, loss=loss)
    world = UpstreamWorld(line, first, mode)
    viewer = world.join([Wire(96, {})])
    for n in range(PACKETS):
        line.at(n * SPACING, lambda n=n: world.carry(world.publisher.number(n)))  # type: ignore[misc]
    line.run()
    return share_in_time(viewer), world


def share_in_time(viewer: FarViewer) -> float:
    arrivals = viewer.arrivals()
    packets = viewer.packets([datagram for _, datagram in arrivals])
    seen: dict[int, int] = {}
    in_time = 0
    for (at, _), packet in zip(arrivals, packets, strict=True):
        n = int.from_bytes(packet.payload[:4])
        assert packet.payload == n.to_bytes(4) * 50
        assert packet.sequence not in seen, "two packets under one number"
        seen[packet.sequence] = n
        in_time += at - n * SPACING <= IN_TIME
    (base,) = {sequence - n & 0xFFFF for sequence, n in seen.items()}  # gaps stay gaps of their size
    assert base == INDEX - min(seen.values())
    return in_time / (PACKETS - min(seen.values()))


@pytest.mark.parametrize("mode", [PLAIN, WITH_RTX])
@pytest.mark.parametrize("first", STARTS)
def test_what_is_lost_upstream_is_not_lost_to_viewers(first: int, mode: str) -> None:
    in_time, world = play(first, mode, loss=0.05)
    assert in_time >= 0.999
    assert world.feed.rx_recovered >= 0.04 * PACKETS
    assert world.publisher.asked <= world.stats.nacks <= 0.08 * PACKETS
    assert world.feed.rx_dropped == 0 or mode == PLAIN  # what came twice as it was is a replay


def test_without_nack_it_is_lost_to_viewers() -> None:
    in_time, world = play(0, WITHOUT, loss=0.05)
    assert 0.93 <= in_time <= 0.97
    assert world.stats.nacks == world.feed.rx_recovered == 0


def test_on_a_clean_line_hardly_anything_is_requested() -> None:
    in_time, world = play(0, WITH_RTX, loss=0.0)
    assert in_time == 1.0
    assert world.stats.nacks <= 0.01 * PACKETS
