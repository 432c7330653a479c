"""What a session has sent or received so far, in numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

from media.feedback.playback import Playback
from media.switch.feed import Feed
from media.switch.wire import Wire


@dataclass(frozen=True, slots=True)
class Traffic:
    """For a publisher, what was received; for a viewer, what was sent."""

    tracks: tuple[int, ...]  # numbers of the room's tracks that it sends or gets
    packets: int = 0
    octets: int = 0
    resent: int = 0  # packets retransmitted at its request
    loss: float | None = None  # share of packets lost recently, 0 to 1; None: unknown
    rtt: float | None = None  # seconds; None: unknown
    rendition: int | None = None  # of the picture that a viewer gets; None: none
    reason: str = ""  # why: a `LayerReason`; "" if the room has no picture
    carries: int | None = None  # bits a second, of a viewer's line; None: unknown
    sound_lost: int = 0  # packets of sound that a viewer reports as lost
    sound_resent: int = 0  # retransmissions of sound, which `resent` has, too
    sound_redundant: int = 0  # packets of sound that were sent with earlier ones in them


def traffic_in(feed: Feed) -> Traffic:
    """What the publisher of a feed sends."""
    losses = [source.stats.loss for source in feed.sources if source.stats is not None]
    return Traffic(
        tracks=tuple(range(len(feed.sources))),
        packets=feed.rx_packets,
        octets=feed.rx_bytes,
        loss=max(losses, default=None),
    )


def traffic_out(wires: Sequence[Wire | None], playback: Playback | None) -> Traffic:
    """What a viewer gets; it has no `playback` before it is connected."""
    gets = {number: wire for number, wire in enumerate(wires) if wire is not None}
    # the renditions of the picture share one wire: the best stands for all; the sound as it is for its forms
    tracks = tuple(
        number for number, wire in gets.items() if wires.index(wire) == number and not wire.earlier
    )
    if playback is None:
        return Traffic(tracks)
    picture, sound = playback.picture, playback.sound
    sent = [playback.viewer.sent(number) for number in gets]
    return Traffic(
        tracks=tracks,
        packets=sum(packets for packets, _ in sent),
        octets=sum(octets for _, octets in sent),
        resent=playback.feedback.resent,
        loss=playback.feedback.loss,
        rtt=playback.feedback.rtt or None,
        rendition=playback.viewer.rendition,
        reason="" if picture is None else picture.reason,
        carries=None if picture is None else picture.carries,
        sound_lost=0 if sound is None else sound.lost,
        sound_resent=0 if sound is None else sound.resent,
        sound_redundant=0 if sound is None else sound.redundant,
    )
