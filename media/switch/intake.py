"""What comes from a publisher: which track a packet is of, and its place in the room's numbering."""

from itertools import groupby, repeat
from operator import itemgetter

from media.rtp.libsrtp import SrtpError
from media.rtp.packet import FIXED_SIZE, RtpError, RtpPacket, parse, read_fixed
from media.rtp.srtp import GCM_TAG
from media.rtp.srtp_receiver import SrtpReceiver
from media.switch.feed import Feed
from media.tracks.nack_generator import Seen
from media.tracks.outgoing import Outgoing
from media.tracks.source_track import SourceTrack

_ssrc = itemgetter(slice(8, 12))


def take_all(feed: Feed, srtp: SrtpReceiver, datagrams: list[bytes], now: float) -> None:
    """Add to the feed's burst what goes out for SRTP of its publisher, in the order of arrival."""
    if _ssrc(datagrams[0]) == _ssrc(datagrams[-1]):
        _take_stream(feed, srtp, datagrams, now)
        return
    for _, run in groupby(datagrams, _ssrc):  # layers of a picture, or sound between pictures
        if feed.srtp is not None:
            _take_stream(feed, srtp, list(run), now)


def _take_stream(feed: Feed, srtp: SrtpReceiver, datagrams: list[bytes], now: float) -> None:
    try:
        if len(datagrams) >= srtp.shortest_run and _take_run(feed, srtp, datagrams, now):
            return
    except Exception as fault:
        feed.breaks(fault)
    for datagram in datagrams:
        if feed.srtp is None:  # a fault that an earlier one triggered
            return
        try:
            _take_one(feed, srtp.unprotect(datagram), now)
        except (SrtpError, RtpError):
            feed.rx_dropped += 1
        except Exception as fault:
            feed.breaks(fault)


def _take_one(feed: Feed, plain: bytes, now: float) -> None:
    packet = parse(plain)
    number = feed.by_payload_type.get(packet.payload_type)
    if number is None:
        number = layer_of(feed, packet, now)
        if number is None:
            return
    outgoing = take(feed, number, packet, now)
    if outgoing is not None:
        feed.burst.append(outgoing)
        feed.rx_bytes += len(plain)


def _take_run(feed: Feed, srtp: SrtpReceiver, datagrams: list[bytes], now: float) -> bool:
    """What `_take_one` does for each packet, at once for all; False: they need what only that does.

    Most bursts are a picture of which nothing is missing.
    """
    if len(datagrams[0]) < FIXED_SIZE:
        return False
    _, second, sequence, _, ssrc = read_fixed(datagrams[0])
    payload_type = second & 0x7F
    number = feed.by_payload_type.get(payload_type)
    if number is None and feed.layers is not None:
        number = feed.layers.known(ssrc)
    if number is None or not feed.sources[number].expects(ssrc, payload_type, sequence):
        return False
    packets = srtp.open_run(ssrc, sequence, datagrams)
    if packets is None:
        return False
    first, timestamps, packets = _continue(feed.sources[number], packets, now)
    indexes = range(first, first + len(packets))
    feed.burst += map(Outgoing, repeat(number), repeat(feed.ssrcs[number]), indexes, timestamps, packets)
    feed.rx_bytes += sum(map(len, datagrams)) - GCM_TAG * len(datagrams)
    return True


def _continue(
    track: SourceTrack, packets: list[RtpPacket], now: float
) -> tuple[int, list[int], list[RtpPacket]]:
    """Take the packets that a track expects next: the room's first index, timestamps, and what goes out."""
    timestamps = [packet.timestamp for packet in packets]
    if track.transport is not None:
        for packet in packets:
            track.transport.arrived(packet.extensions, now)
    assert track.stats is not None
    track.stats.received_run(packets[0].sequence, timestamps, now)
    if track.nack is not None:
        track.nack.received_run(len(packets))
    if track.ids is not None:
        packets = [track.ids.continued(packet) for packet in packets]
    if track.extension_ids is not None:
        packets = [packet.with_extension_ids(track.extension_ids) for packet in packets]
    first, timestamps = track.translator.translate_run(timestamps)
    if track.watch is not None and track.watch.packets_wanted > 0:
        for packet in packets:
            if track.watch.packets_wanted > 0:
                track.watch.saw(packet.payload, now)
    track.heard_at = track.last_received = now
    track.last_timestamp = timestamps[-1]
    return first, timestamps, packets


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
