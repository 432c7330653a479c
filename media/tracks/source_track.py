"""A track as its publisher sends it: which packets belong to it, and their numbering in the room."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from media.negotiation.agreed_tracks import NONE_LEFT_OUT, LeftOut
from media.rtp.packet import RtpPacket
from media.rtp.red import Earlier
from media.rtp.rtx import RtxError, unwrap
from media.rtp.sequence import SequenceTranslator, signed
from media.tracks.clocks import CaptureStamps
from media.tracks.frame_watch import FrameWatch
from media.tracks.keyframe_gate import KeyframeGate
from media.tracks.layer_ids import LayerIds
from media.tracks.nack_generator import NackGenerator
from media.tracks.reception import ReceptionStats
from media.tracks.transport_feedback import TransportFeedback

NO_PAYLOAD = -1  # payload type of a track that sends nothing
_LEAST_SECONDS = 0.001  # from the last picture of one source to the first of the next
NEAR_SECONDS = 0.1  # by which arrival may differ from the time that a publisher had
SOURCE_SILENT_SECONDS = 1.0  # after this silence another SSRC of the payload type may take the track over


class StreamTime(NamedTuple):
    """Of a stream with that SSRC: what is added to its timestamps for those of the room."""

    ssrc: int
    offset: int


@dataclass(slots=True)
class SourceTrack:
    """A track as its publisher sends it, and its numbering in the room.

    All of this belongs to the publisher, except the numbering, which belongs to the room.
    """

    payload_type: int
    clock_rate: int
    translator: SequenceTranslator
    gate: KeyframeGate = field(default_factory=KeyframeGate)
    extension_ids: Mapping[int, int] | None = None  # its ids -> the room's; None: they are the same
    nack: NackGenerator | None = None  # None: the publisher does not retransmit
    rtx_payload_type: int | None = None  # of its RTX (RFC 4588); None: it retransmits packets as they were
    red_payload_type: int | None = None  # of its sound with earlier packets in each one (RFC 2198)
    repairs: Mapping[int, int] = field(default_factory=dict)  # RTX's SSRC -> the repaired SSRC, if declared
    transport: TransportFeedback | None = None  # shared by all tracks of the publisher, if negotiated
    rid: bytes = b""  # the name of the layer, if it has one; ...
    rid_extension: int = 0  # ... in this header extension, ...
    repaired_rid_extension: int = 0  # ... and in this one of its RTX
    declared: int | None = None  # SSRC of a layer without a name
    left_out: LeftOut = NONE_LEFT_OUT  # layers of its picture that the room does not take
    ids: LayerIds | None = None  # numbers inside its packets, if the room's picture has several layers
    watch: FrameWatch | None = None  # video only
    stamps: CaptureStamps | None = None
    stats: ReceptionStats | None = None  # of the SSRC that the track follows; None before the first packet
    heard_at: float = 0.0  # when that SSRC was last heard
    last_received: float = 0.0  # when the latest packet was forwarded, of any source
    last_timestamp: int = 0  # the room's
    resumes: StreamTime | None = None  # the time of a stream that was on before
    rejoins: bool = False  # what comes first is more of the stream that the room has had until now

    def succeed(self, former: "SourceTrack") -> None:
        """Continue where `former`, the track of another source, stopped."""
        self.translator = former.translator
        self.last_received, self.last_timestamp = former.last_received, former.last_timestamp

    def rejoin(self, sequence: int, timestamp: int, index: int, room_timestamp: int) -> None:
        """Let the first stream that comes go on in the room's: see `SequenceTranslator.rejoin`."""
        self.translator.rejoin(sequence, timestamp, index, room_timestamp)
        self.rejoins = True

    def expects(self, ssrc: int, payload_type: int, sequence: int) -> bool:
        """Whether that packet is the next one of the stream that it follows, and nothing is held back."""
        return (
            self.stats is not None
            and self.stats.ssrc == ssrc
            and payload_type == self.payload_type
            and not self.gate.closed
            and self.translator.expected == sequence
            and (self.nack is None or self.nack.expected == sequence)
        )

    def goes_on(self, packet: RtpPacket, now: float) -> bool:
        """Whether it is of the stream that it follows, and goes on where that was.

        Authentic packets are never so late that they get no index. After an outage such a number is more than
        32,767 packets ahead: `follow` it like another stream. Behind a closed gate it has no index yet.
        """
        if self.stats is None or self.stats.ssrc != packet.ssrc:
            return False
        is_silent = not self.gate.closed and now - self.heard_at >= SOURCE_SILENT_SECONDS
        return not (is_silent and self.translator.is_before_window(packet.sequence))

    def follow(self, packet: RtpPacket, now: float) -> bool:
        """Switch to a new SSRC of the track, if it may take over; returns whether it did.

        Another SSRC takes over only if the current one is silent, and never one that names another layer.
        """
        if self.rid and any(n == self.rid_extension and rid != self.rid for n, rid in packet.extensions):
            return False
        if self.stats is not None and now - self.heard_at < SOURCE_SILENT_SECONDS:
            return False
        self.stats = ReceptionStats(packet.ssrc, self.clock_rate)
        if self.nack is not None:
            self.nack = NackGenerator()
        if self.ids is not None:
            self.ids.restart()
        if self.rejoins:  # no picture is missing: the gate stays open
            self.rejoins = False
            if self.nack is not None:  # request also what is lost before this packet
                self.nack.received(self.translator.expected - 1 & 0xFFFF, now)
            return True
        if self.last_received:
            self.gate.close()
        if not self.gate.closed:
            self.go_on(packet, now)
        return True

    def go_on(self, packet: RtpPacket, now: float) -> None:
        """Number packets from `packet` on after those already forwarded, as far apart as they arrived.

        One that was on before goes on in the time that it had, if that is not ahead: delays must not add up.
        """
        elapsed = max(_LEAST_SECONDS, now - self.last_received) if self.last_received else 0.0
        if self.resumes is not None and self.resumes.ssrc == packet.ssrc:
            behind = self.behind(packet.timestamp + self.resumes.offset, now)
            if behind >= -NEAR_SECONDS:
                elapsed = max(_LEAST_SECONDS, elapsed - behind)
        self.translator.rebase(packet.sequence, packet.timestamp, round(elapsed * self.clock_rate))

    def behind(self, timestamp: int, now: float) -> float:
        """How much later than the room's time goes on something comes, in seconds."""
        ahead = signed(timestamp - self.translator.latest_timestamp)
        return now - self.last_received - ahead / self.clock_rate

    @property
    def time(self) -> StreamTime | None:
        """That of the stream that it follows. Where it began too late, what it was before."""
        if self.stats is None or self.gate.closed:  # nothing of it was forwarded
            return self.resumes
        present = StreamTime(self.stats.ssrc, self.translator.translate_timestamp(0))
        former = self.resumes
        if former is None or former.ssrc != present.ssrc or signed(present.offset - former.offset) < 0:
            return present
        return former

    def restored(self, primary: RtpPacket, earlier: Sequence[Earlier]) -> list[RtpPacket]:
        """The packets that are missing right before `primary`, of those that are in it, in order.

        RED does not number them: they are the last ones before it, and later than all that came before.
        """
        missing = primary.sequence - self.translator.expected & 0xFFFF
        if not 0 < missing < 0x8000:
            return []
        room = self.translator.translate_timestamp(primary.timestamp)
        since = room - self.translator.latest_timestamp & 0xFFFFFFFF
        late = [each for each in earlier if each.offset < since][-missing:]
        return [
            RtpPacket(
                padding=False,
                marker=False,
                payload_type=primary.payload_type,
                sequence=primary.sequence - back & 0xFFFF,
                timestamp=primary.timestamp - each.offset & 0xFFFFFFFF,
                ssrc=primary.ssrc,
                extensions=(),
                payload=each.payload,
            )
            for back, each in zip(range(len(late), 0, -1), late, strict=True)
        ]

    def original(self, packet: RtpPacket) -> RtpPacket | None:
        """The packet of this track in a packet of RTX, or None.

        None is no error: senders probe the bandwidth with padding, and with packets that arrived long ago.
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
            return None  # the SSRC that it repairs is unknown: accept only a packet that this track misses
        return original
