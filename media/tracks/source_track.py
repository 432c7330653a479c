"""A track as its publisher sends it: which packets are its, and how they are numbered in the room."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from media.rtp.packet import RtpPacket
from media.rtp.rtx import RtxError, unwrap
from media.rtp.sequence import SequenceTranslator
from media.tracks.keyframe_gate import KeyframeGate
from media.tracks.nack_generator import NackGenerator
from media.tracks.reception import ReceptionStats
from media.tracks.stream_watch import StreamWatch
from media.tracks.transport_feedback import TransportFeedback

NO_PAYLOAD = -1  # payload type of a track that sends nothing
SOURCE_SILENT_SECONDS = 1.0  # after which another SSRC of the same payload type takes a track over


@dataclass(slots=True)
class SourceTrack:
    """A track as its publisher sends it, and its numbering in the room.

    All that is known of that publisher is in here, but for the numbering: that is the room's.
    """

    payload_type: int
    clock_rate: int
    translator: SequenceTranslator
    gate: KeyframeGate = field(default_factory=KeyframeGate)
    extension_ids: Mapping[int, int] | None = None  # its ids -> the room's; None: they are the same
    nack: NackGenerator | None = None  # None: the publisher sends nothing again
    rtx_payload_type: int | None = None  # under which it does (RFC 4588); None: it does so as at first
    repairs: Mapping[int, int] = field(default_factory=dict)  # RTX's SSRC -> that which it repairs, if told
    transport: TransportFeedback | None = None  # one for all tracks of the publisher, where it wants that
    layers: Sequence[int] = ()  # SSRCs of the same picture, poorest first
    rid: bytes = b""  # of the one layer that is taken, where they have names; ...
    rid_extension: int = 0  # ... in this header extension
    watch: StreamWatch | None = None  # of video
    stats: ReceptionStats | None = None  # of the SSRC that the track follows; None until a packet tells it
    heard_at: float = 0.0  # when that SSRC was last heard
    last_received: float = 0.0  # the latest packet that was forwarded, of whichever source
    last_timestamp: int = 0  # the room's

    def succeed(self, former: "SourceTrack") -> None:
        """Go on where `former`, of another source, has stopped."""
        self.translator = former.translator
        self.last_received, self.last_timestamp = former.last_received, former.last_timestamp

    def follow(self, packet: RtpPacket, now: float) -> bool:
        """Whether the track goes on with a new SSRC of its payload type.

        Another SSRC takes a track over only when the first has fallen silent, or is a poorer layer: of a
        client that sends several in spite of our answer the best one is relayed.
        """
        if self.rid and any(n == self.rid_extension and rid != self.rid for n, rid in packet.extensions):
            return False
        if self.stats is not None and now - self.heard_at < SOURCE_SILENT_SECONDS:
            known = self.layers
            better = known[known.index(self.stats.ssrc) + 1 :] if self.stats.ssrc in known else ()
            if packet.ssrc not in better:
                return False
        self.stats = ReceptionStats(packet.ssrc, self.clock_rate)
        if self.nack is not None:
            self.nack = NackGenerator()
        if self.last_received:
            self.gate.close()
        if not self.gate.closed:
            self.go_on(packet, now)
        return True

    def go_on(self, packet: RtpPacket, now: float) -> None:
        """Number what comes from `packet` on behind what was forwarded, at the distance of its arrival."""
        elapsed = now - self.last_received if self.last_received else 0.0
        self.translator.rebase(packet.sequence, packet.timestamp, round(elapsed * self.clock_rate))

    def original(self, packet: RtpPacket) -> RtpPacket | None:
        """The packet of this track that a packet of RTX brings, None for one that brings none.

        That is nothing to complain of: senders probe the bandwidth with padding, and with what has long
        arrived.
        """
        if self.stats is None:
            return None
        repaired = self.repairs.get(packet.ssrc)
        if repaired is not None and repaired != self.stats.ssrc:
            return None  # of another layer
        try:
            original = unwrap(packet, self.payload_type, self.stats.ssrc)
        except RtxError:
            return None
        if repaired is None and not (self.nack and self.nack.is_missing(original.sequence)):
            return None  # whose it is was not told: then only what is missed can be ours
        return original
