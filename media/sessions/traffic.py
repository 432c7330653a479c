"""What a session has moved so far, in figures."""

from collections.abc import Sequence
from dataclasses import dataclass

from media.feedback.viewer_feedback import ViewerFeedback
from media.switch.feed import Feed
from media.switch.viewer import Viewer
from media.switch.wire import Wire


@dataclass(frozen=True, slots=True)
class Traffic:
    """Of a publisher what came in, of a viewer what went out."""

    tracks: tuple[int, ...]  # numbers of the room's tracks that it sends or gets
    packets: int = 0
    octets: int = 0
    resent: int = 0  # packets that it asked for again and got
    loss: float | None = None  # share of packets lost lately, 0 to 1; None: not known
    rtt: float | None = None  # seconds; None: not known


def traffic_in(feed: Feed) -> Traffic:
    """What the publisher of a feed sends."""
    losses = [track.stats.loss for track in feed.tracks if track.stats is not None]
    return Traffic(
        tracks=tuple(range(len(feed.tracks))),
        packets=feed.rx_packets,
        octets=feed.rx_bytes,
        loss=max(losses, default=None),
    )


def traffic_out(
    wires: Sequence[Wire | None], viewer: Viewer | None, feedback: ViewerFeedback | None
) -> Traffic:
    """What a viewer gets; it has no `viewer` and no `feedback` before it is connected."""
    tracks = tuple(number for number, wire in enumerate(wires) if wire is not None)
    if viewer is None or feedback is None:
        return Traffic(tracks)
    sent = [viewer.profile.sent(viewer, number) for number in tracks]
    return Traffic(
        tracks=tracks,
        packets=sum(packets for packets, _ in sent),
        octets=sum(octets for _, octets in sent),
        resent=feedback.resent,
        loss=feedback.loss,
        rtt=feedback.rtt or None,
    )
