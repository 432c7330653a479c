"""A stream of VP8 with two temporal layers, and what a thinned form leaves of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from media.rtp.packet import RtpPacket
from media.rtp.run import Run
from media.tracks.sent_track import SentTrack
from media.tracks.thinned import Form, Thinned
from tests.support.runs import run_of

NUMBER, SSRC, FIRST = 3, 0xABCDEF, 500
BEGIN = 0xFFF0  # of the other track: its sequence numbers wrap soon


@dataclass(frozen=True)
class Sent:
    """One packet of a stream of VP8 with two temporal layers."""

    packet: Run
    picture: int
    keyframe: bool
    lowest: bool

    def belongs(self, form: Form) -> bool:
        return self.keyframe if form is Form.KEYFRAMES else self.lowest


def stream(sizes: Sequence[int], keyframe_every: int = 6, begin: int = BEGIN) -> list[Sent]:
    """Pictures of so many packets each; those with odd numbers are in layer 1."""
    sent: list[Sent] = []
    for picture, size in enumerate(sizes):
        keyframe = picture % keyframe_every == 0
        layer = 0 if keyframe else picture % 2
        for place in range(size):
            first = 0x90 if place == 0 else 0x80  # RFC 7741 4.2: X; S
            payload = bytes((first, 0x20, layer << 6, 0x00 if keyframe else 0x01, place))
            extended = begin + len(sent)
            packet = RtpPacket(
                False, place == size - 1, 96, extended & 0xFFFF, picture * 3000, 1, ((5, b"x"),), payload
            )
            run = run_of(packet, track=1, ssrc=77, first=extended)
            sent.append(Sent(run, picture, keyframe, layer == 0))
    return sent


def thinned(form: Form, codec: str = "VP8") -> Thinned:
    base = SentTrack(77, join_burst="off")
    base.publish(codec, deaf=False)
    track = Thinned(NUMBER, SSRC, form, FIRST, base)
    track.start()
    return track


def taken(track: Thinned, arrivals: Sequence[Sent]) -> list[tuple[Sent, Run]]:
    return [(sent, out) for sent in arrivals for out in track.take(sent.packet)]
