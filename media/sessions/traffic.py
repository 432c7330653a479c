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
    tracks = tuple(number for number, wire in enumerate(wires) if wire is not None)
    if playback is None:
        return Traffic(tracks)
    sent = [playback.sent(number) for number in tracks]
    return Traffic(
        tracks=tracks,
        packets=sum(packets for packets, _ in sent),
        octets=sum(octets for _, octets in sent),
        resent=playback.resent,
        loss=playback.loss,
        rtt=playback.rtt or None,
    )
