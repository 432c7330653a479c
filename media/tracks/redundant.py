"""A form of a track of sound: each packet with the packets before it (RFC 2198)."""

from msgspec.structs import replace

from media.pure.run import Run as PureRun
from media.rtp.red import Earlier, build
from media.rtp.run import Run
from media.tracks.history import PacketHistory
from media.tracks.sent_track import AUDIO_PACKETS, SentTrack

_RANGE = 1 << 32


class Redundant:
    """`base` with the `count` packets before in each packet, as track `number` of the room.

    Its packets have the indexes, timestamps and SSRC of those of `base`, so a viewer may go from one form to
    the other between any two packets. What was sent in this form is held in `sent`: a retransmission must be
    what was sent under its index, and what is held of `base` may have changed since.

    Each block names the viewer's `payload_type` of the sound itself, so viewers share a form only if they
    have negotiated the same one; None: nobody gets the form.
    """

    __slots__ = ("base", "count", "number", "payload_type", "sent")

    def __init__(self, number: int, base: SentTrack, count: int) -> None:
        self.number = number
        self.base = base
        self.count = count
        self.payload_type: int | None = None
        self.sent = SentTrack(base.ssrc, base.rtx_ssrc, history=PacketHistory(AUDIO_PACKETS))

    def take(self, run: Run) -> Run:
        """What goes out for a run of `base`, which holds it already."""
        assert self.payload_type is not None
        held: dict[int, tuple[int, bytes]] = {}
        for part in self.base.history.before(run.first + len(run), len(run) + self.count):
            held.update(enumerate(zip(part.timestamps(), part.contents(), strict=True), part.first))
        packets = []
        for index, packet, timestamp, content in zip(
            range(run.first, run.first + len(run)),
            run.packets(),
            run.timestamps(),
            run.contents(),
            strict=True,
        ):
            earlier = [
                Earlier(timestamp - held[before][0] & _RANGE - 1, held[before][1])
                for before in range(index - self.count, index)
                if before in held
            ]
            payload = build(self.payload_type, content, earlier)
            packets.append(replace(packet, padding=False, payload=payload))
        own = PureRun.of(packets)
        own.number(self.number, self.sent.ssrc, run.first, run.shift)
        return own
