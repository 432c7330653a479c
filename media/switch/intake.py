"""What comes from a publisher: which track a packet is of, and its place in the room's numbering."""

from media.rtp.packet import RtpPacket
from media.switch.feed import Feed
from media.tracks.nack_generator import Seen
from media.tracks.outgoing import Outgoing


def layer_of(feed: Feed, packet: RtpPacket, now: float) -> int | None:
    """The number of the layer that `packet` belongs to; None: it is dropped.

    A layer that the room does not take is expected to come, so its packets do not count as dropped.
    """
    layers = feed.layers
    if layers is None:
        feed.rx_dropped += 1
        return None
    number = layers.find(packet, now)
    if number is None and not layers.leaves_out(packet):
        feed.rx_dropped += 1
    return number


def take(feed: Feed, number: int, packet: RtpPacket, now: float) -> Outgoing | None:
    """What goes out for a packet of track `number`, in the room's numbering; None: nothing."""
    track = feed.sources[number]
    if track.transport is not None:
        track.transport.arrived(packet.extensions, now)
    is_resent = packet.payload_type != track.payload_type
    if is_resent:
        original = track.original(packet)
        if original is None:
            return None
        packet = original
    else:
        stats = track.stats
        if stats is None or stats.ssrc != packet.ssrc:
            if not track.follow(packet, now):
                feed.rx_dropped += 1
                return None
            stats = track.stats
            assert stats is not None
        stats.received(packet.sequence, packet.timestamp, now)
    track.heard_at = now
    if track.nack is not None and (seen := track.nack.received(packet.sequence, now)):
        _note(feed, seen)
    if track.gate.closed:
        if not track.gate.lets_pass(packet.payload, now):
            feed.rx_dropped += 1
            return None
        track.go_on(packet, now)
    if track.ids is not None:
        packet = track.ids.continued(packet)
    if track.extension_ids is not None and packet.extensions:
        packet = packet.with_extension_ids(track.extension_ids)
    numbered = track.translator.translate(packet.sequence, packet.timestamp)
    if numbered is None:
        feed.rx_late += not is_resent  # a needless packet in RTX is a bandwidth probe
        return None
    if track.watch is not None and track.watch.packets_wanted > 0:
        track.watch.saw(packet.payload, now)
    extended, timestamp = numbered
    track.last_received, track.last_timestamp = now, timestamp
    return Outgoing(number, feed.ssrcs[number], extended, timestamp, packet)


def _note(feed: Feed, seen: Seen) -> None:
    if seen is Seen.AFTER_GAP:
        feed.rtcp_due_at = 0.0
    elif seen is Seen.RECOVERED:
        feed.rx_recovered += 1
