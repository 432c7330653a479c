"""The packet switch: SRTP in from publishers, SRTP out to viewers. The hot path, and nothing else.

It knows no sockets, clocks, Redis or policy, so that a native one can stand in for it. It is told keys and
routes; `receive` takes a batch of datagrams, calls `transmit` with what is to be sent, grouped by viewer, and
returns what others must see. One call at a time, and each call does all there is to do.

SSRC, sequence numbers and timestamps towards viewers belong to the room, not to the publisher: a publisher
can be replaced and its viewers see one unbroken stream.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from media.fanout import (
    BUFFER_BYTES,
    MAX_SEGMENTS,
    Address,
    Outgoing,
    Transmit,
    Viewer,
    Wire,
    WireProfile,
)
from media.recording.tap import Tap
from media.reports import ReceptionStats
from media.rtp import RtpError, RtpPacket, parse
from media.sent_track import SentTrack
from media.sequence import SequenceTranslator
from media.srtp import InboundSession, SrtpError, SrtpKeys, inbound_session

SOURCE_SILENT_SECONDS = 1.0  # after which another SSRC of the same payload type takes a track over


@dataclass(slots=True)
class SourceTrack:
    """A track as its publisher sends it, and its numbering in the room."""

    payload_type: int
    clock_rate: int
    translator: SequenceTranslator
    stats: ReceptionStats | None = None  # of the SSRC that the track follows; None until a packet tells it
    last_received: float = 0.0
    last_timestamp: int = 0  # the room's


@dataclass(slots=True, eq=False)
class Feed:
    """One room inside the switch."""

    sent: Sequence[SentTrack]  # the room's own; and ...
    tracks: Sequence[SourceTrack]  # ... where each of them comes from
    srtp: InboundSession | None = None
    profiles: dict[tuple[object, ...], WireProfile] = field(default_factory=dict)
    burst: list[Outgoing] = field(default_factory=list)
    tap: Tap | None = None  # sees what is forwarded
    rx_packets: int = 0
    rx_bytes: int = 0
    rx_dropped: int = 0  # forged, replayed, broken, or of no negotiated track
    ssrcs: Sequence[int] = field(init=False)  # by track
    by_payload_type: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.ssrcs = [track.ssrc for track in self.sent]
        self.by_payload_type = {track.payload_type: number for number, track in enumerate(self.tracks)}


class PacketSwitch:
    """Relays the packets of many rooms. `transmit` sends datagrams to one viewer and does not block."""

    def __init__(self, transmit: Transmit) -> None:
        self._transmit = transmit
        self._buffer = memoryview(bytearray(BUFFER_BYTES))

    def open_source(self, feed: Feed, keys: SrtpKeys) -> None:
        """Take the keys of the room's publisher; its packets are forwarded from now on."""
        feed.srtp = inbound_session(keys)

    def close_source(self, feed: Feed) -> None:
        """Forward no more of the room's publisher."""
        feed.srtp = None

    def add_viewer(
        self, feed: Feed, keys: SrtpKeys, wires: Sequence[Wire | None], address: Address
    ) -> Viewer:
        """Send the room's tracks to `address`, each in the form of its wire (None: not this track)."""
        key = tuple(wire and wire.key() for wire in wires)
        profile = feed.profiles.get(key)
        if profile is None:
            profile = feed.profiles[key] = WireProfile(wires)
        viewer = Viewer(
            keys,
            address,
            profile,
            [track.translator.next_index for track in feed.tracks],
            [track.rtx_ssrc for track in feed.sent],
        )
        profile.add(viewer)
        return viewer

    def remove_viewer(self, feed: Feed, viewer: Viewer) -> None:
        profile = viewer.profile
        profile.remove(viewer)
        if not profile.viewers:
            feed.profiles = {key: p for key, p in feed.profiles.items() if p is not profile}

    def resend(self, viewer: Viewer, packet: Outgoing) -> bool:
        """Send `viewer` a packet that it was sent before; False when that cannot be done any more."""
        return viewer.profile.resend(viewer, packet, self._transmit)

    def receive(self, batch: Iterable[tuple[Feed, bytes]], now: float) -> list[tuple[Feed, bytes]]:
        """Forward a batch of publishers' SRTP; returns their RTCP, decrypted. `now` is in seconds."""
        rtcp: list[tuple[Feed, bytes]] = []
        touched: dict[int, Feed] = {}
        for feed, datagram in batch:
            if feed.srtp is None or len(datagram) < 12:
                continue
            try:
                if 192 <= datagram[1] <= 223:  # RFC 5761 4
                    rtcp.append((feed, feed.srtp.unprotect_rtcp(datagram)))
                elif self._take(feed, datagram, now):
                    touched[id(feed)] = feed
            except (SrtpError, RtpError):
                feed.rx_dropped += 1
        for feed in touched.values():
            self._forward(feed, now)
        return rtcp

    def _take(self, feed: Feed, datagram: bytes, now: float) -> bool:
        """Put one packet into its room's burst; False when it belongs to no track."""
        number = feed.by_payload_type.get(datagram[1] & 0x7F)
        if number is None:
            feed.rx_dropped += 1
            return False
        assert feed.srtp is not None
        plain = feed.srtp.unprotect(datagram)
        packet = parse(plain)
        track = feed.tracks[number]
        if (track.stats is None or track.stats.ssrc != packet.ssrc) and not _follow(track, packet, now):
            feed.rx_dropped += 1
            return False
        assert track.stats is not None
        track.stats.received(packet.sequence, packet.timestamp, now)
        numbered = track.translator.translate(packet.sequence, packet.timestamp)
        if numbered is None:
            feed.rx_dropped += 1
            return False
        extended, timestamp = numbered
        track.last_received, track.last_timestamp = now, timestamp
        feed.burst.append(Outgoing(number, feed.ssrcs[number], extended, timestamp, packet))
        feed.rx_packets += 1
        feed.rx_bytes += len(plain)
        return True

    def _forward(self, feed: Feed, now: float) -> None:
        burst, feed.burst = feed.burst, []
        for packet in burst:
            feed.sent[packet.track].keep(packet, now)
        if feed.tap is not None:
            feed.tap.packets(burst)
        for start in range(0, len(burst), MAX_SEGMENTS):
            for profile in feed.profiles.values():
                profile.send(burst[start : start + MAX_SEGMENTS], self._buffer, self._transmit)


def _follow(track: SourceTrack, packet: RtpPacket, now: float) -> bool:
    """Whether `track` goes on with a new SSRC of its payload type.

    Another SSRC takes a track over only when the first has fallen silent: a client that sends several layers
    in spite of our answer is relayed as its first.
    """
    elapsed = 0.0
    if track.stats is not None:
        elapsed = now - track.last_received
        if elapsed < SOURCE_SILENT_SECONDS:
            return False
    track.translator.rebase(packet.sequence, packet.timestamp, round(elapsed * track.clock_rate))
    track.stats = ReceptionStats(packet.ssrc, track.clock_rate)
    return True
