"""A publisher over a bad line, the real switch, a viewer: what is lost on the way in comes again, in time."""

import pytest

from media.counts import PublisherStats
from media.feedback.publisher_feedback import PublisherFeedback
from media.negotiation.agreed_tracks import PublishedTrack
from media.rtp.packet import parse
from media.rtp.rtcp import Nack, parse_compound
from media.rtp.rtx import RtxStream
from media.rtp.sequence import SequenceTranslator
from media.switch.feed import Feed
from media.switch.switch import PacketSwitch
from media.switch.wire import Wire
from media.tracks.clocks import PublisherClock, SenderClock
from media.tracks.nack_generator import NackGenerator
from media.tracks.sent_track import SentTrack
from media.tracks.source_track import SourceTrack
from media.tracks.track import Track
from shared.sdp.codec import Codec
from shared.sdp.sources import Sources
from tests.support.far_end import far_receiver, far_sender, new_keys, rtp
from tests.support.simulated_line import Line

STARTS = [0, 1, 32767, 63500, 65000, 65500]
PACKETS = 2500
SPACING = 0.002
IN_TIME = 0.500
MEDIA, RTX = (96, 0xCAFE), (97, 0xBEEF)
WITHOUT, PLAIN, WITH_RTX = "no nack", "plain", "rtx"


class Publisher:
    """Sends again what it is asked for, as libwebrtc does with RTX and libdatachannel without."""

    def __init__(self, line: Line, first: int, with_rtx: bool) -> None:
        self.keys = new_keys()
        self.asked = 0
        self._line = line
        self._first = first
        self._srtp = far_sender(self.keys)
        self._rtx = RtxStream(RTX[1], RTX[0], first=100) if with_rtx else None
        self._sent: dict[int, tuple[bytes, bytes]] = {}  # by sequence number: plain and protected

    def send(self, n: int, relay: "Relay") -> None:
        sequence = self._first + n & 0xFFFF
        plain = rtp(sequence, n.to_bytes(4) * 50, payload_type=MEDIA[0], ssrc=MEDIA[1], timestamp=n * 180)
        self._sent[sequence] = plain, self._srtp.protect(plain)
        self._line.send(lambda: relay.receive(self._sent[sequence][1]))

    def receive(self, compound: bytes, relay: "Relay") -> None:
        (nack,) = parse_compound(compound)
        assert isinstance(nack, Nack)
        assert nack.media_ssrc == MEDIA[1]
        for sequence in nack.sequences():
            self.asked += 1
            plain, again = self._sent[sequence]
            if self._rtx is not None:
                packet = parse(plain)
                _, header, payload = self._rtx.wrap(packet, packet.sequence, packet.timestamp, b"")
                again = self._srtp.protect(header + payload)
            self._line.send(lambda again=again: relay.receive(again))  # type: ignore[misc]


class Relay:
    """A room in a worker, with one viewer that loses nothing."""

    def __init__(self, line: Line, publisher: Publisher, mode: str) -> None:
        codec = Codec(
            payload_type=MEDIA[0],
            name="VP8",
            clock_rate=90_000,
            feedback=frozenset() if mode == WITHOUT else frozenset({"nack"}),
            rtx=RTX[0] if mode == WITH_RTX else None,
        )
        published = PublishedTrack(kind="video", mid="0", codec=codec, extensions={}, sources=Sources())
        source = SourceTrack(
            MEDIA[0],
            90_000,
            SequenceTranslator(65_000, 0),
            nack=None if mode == WITHOUT else NackGenerator(),
            rtx_payload_type=codec.rtx,
            repairs={RTX[1]: MEDIA[1]},
        )
        track = Track(published, source, SentTrack(1), SenderClock(PublisherClock(0.0), 90_000))
        self.feed = Feed([track.sent], [source])
        self.stats = PublisherStats()
        self.arrived: list[tuple[float, bytes]] = []
        self._line = line
        self._publisher = publisher
        self._feedback = PublisherFeedback(self.feed, [track], "room", self._send_rtcp, self.stats)
        self._switch = PacketSwitch(self._transmit)
        self._switch.open_source(self.feed, publisher.keys)
        self.viewer_keys = new_keys()
        self._switch.add_viewer(self.feed, self.viewer_keys, [Wire(96, {})], ("192.0.2.1", 1))

    def receive(self, datagram: bytes) -> None:
        for feed in self._switch.receive([(self.feed, datagram)], self._line.now).due:
            self._speak(feed, self._line.now)

    def _transmit(self, run: bytes | memoryview, size: int, _: object) -> None:
        run = bytes(run)
        self.arrived += [(self._line.now, run[at : at + size]) for at in range(0, len(run), size)]

    def _send_rtcp(self, compound: bytes) -> None:
        self._line.send(lambda: self._publisher.receive(compound, self))

    def _speak(self, feed: Feed, now: float) -> None:
        again = self._feedback.speak(now)
        if again is not None:
            self._line.at(again, lambda: self._speak(feed, self._line.now))


def play(first: int, mode: str, loss: float) -> tuple[float, Publisher, Relay]:
    """The share of packets that the viewer got in time."""
    line = Line(seed=first, loss=loss)
    publisher = Publisher(line, first, with_rtx=mode == WITH_RTX)
    relay = Relay(line, publisher, mode)
    for n in range(PACKETS):
        line.at(n * SPACING, lambda n=n: publisher.send(n, relay))  # type: ignore[misc]
    line.run()
    unprotect = far_receiver(relay.viewer_keys).unprotect
    seen: dict[int, int] = {}
    in_time = 0
    for at, datagram in relay.arrived:
        packet = parse(unprotect(datagram))
        n = int.from_bytes(packet.payload[:4])
        assert packet.payload == n.to_bytes(4) * 50
        assert packet.sequence not in seen, "two packets under one number"
        seen[packet.sequence] = n
        in_time += at - n * SPACING <= IN_TIME
    (base,) = {sequence - n & 0xFFFF for sequence, n in seen.items()}  # gaps stay gaps of their size
    assert base == 65_000 - min(seen.values())
    return in_time / (PACKETS - min(seen.values())), publisher, relay


@pytest.mark.parametrize("mode", [PLAIN, WITH_RTX])
@pytest.mark.parametrize("first", STARTS)
def test_what_is_lost_upstream_is_not_lost_to_viewers(first: int, mode: str) -> None:
    in_time, publisher, relay = play(first, mode, loss=0.05)
    assert in_time >= 0.999
    assert relay.feed.rx_recovered >= 0.04 * PACKETS
    assert publisher.asked <= relay.stats.nacks <= 0.08 * PACKETS
    assert relay.feed.rx_dropped == 0 or mode == PLAIN  # what came twice as it was is a replay


def test_without_nack_it_is() -> None:
    in_time, _, relay = play(0, WITHOUT, loss=0.05)
    assert 0.93 <= in_time <= 0.97
    assert relay.stats.nacks == relay.feed.rx_recovered == 0


def test_on_a_clean_line_next_to_nothing_is_asked_for() -> None:
    in_time, _, relay = play(0, WITH_RTX, loss=0.0)
    assert in_time == 1.0
    assert relay.stats.nacks <= 0.01 * PACKETS
