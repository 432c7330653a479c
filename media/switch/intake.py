"""What comes from a publisher: which track a packet is of, and its place in the room's numbering."""

from itertools import groupby, repeat
from operator import itemgetter

from media.rtp.joined import Joined
from media.rtp.libsrtp import SrtpError
from media.rtp.nonces import MOST_NONCES
from media.rtp.opener import NativeRun
from media.rtp.packet import FIXED_SIZE, RtpError, RtpPacket, is_rtcp, parse, read_fixed
from media.rtp.srtp import GCM_TAG
from media.rtp.srtp_receiver import SrtpReceiver
from media.switch.feed import Feed
from media.tracks.held_run import HeldRun
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


def take_joined(feed: Feed, joined: Joined, now: float) -> bool:
    """`take_all` for what came joined; False: each datagram needs to be looked at, for one may be RTCP."""
    srtp, head = feed.srtp, joined.head
    if srtp is None or len(joined) > MOST_NONCES or len(head) < FIXED_SIZE:
        return False
    if head[1] & 0x7F not in feed.media_kinds:
        return False
    try:
        return _take_run(feed, srtp, head, joined, joined.octets, now)
    except Exception as fault:
        feed.breaks(fault)
        return True


def media_of(
    feed: Feed, run: list[bytes], rtcp: list[tuple[Feed, bytes]], touched: dict[Feed, None]
) -> list[bytes]:
    """What is left of a run without RTCP, which joins `rtcp`, and without what no track of the room has."""
    media = []
    for datagram in run:
        srtp = feed.srtp
        if srtp is None or len(datagram) < FIXED_SIZE:
            continue
        if not is_rtcp(datagram):
            touched[feed] = None
            if datagram[1:2] in feed.media_types:
                media.append(datagram)
            else:
                feed.rx_dropped += 1
            continue
        try:
            rtcp.append((feed, srtp.unprotect_rtcp(datagram)))
        except SrtpError:
            feed.rx_dropped += 1
        except Exception as fault:
            feed.breaks(fault)
    return media


def _take_stream(feed: Feed, srtp: SrtpReceiver, datagrams: list[bytes], now: float) -> None:
    try:
        if len(datagrams) >= srtp.shortest_run:
            octets = sum(map(len, datagrams))
            if _take_run(feed, srtp, datagrams[0], datagrams, octets, now):
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
        feed.unfold()
        feed.burst.append(outgoing)
        feed.rx_bytes += len(plain)


def _take_run(
    feed: Feed, srtp: SrtpReceiver, head: bytes, datagrams: list[bytes] | Joined, octets: int, now: float
) -> bool:
    """What `_take_one` does for each packet, at once for all; False: they need what only that does.

    Most bursts are a picture of which nothing is missing. `head` is how the first one begins, `octets` the
    length of all.
    """
    if len(head) < FIXED_SIZE:
        return False
    _, second, sequence, _, ssrc = read_fixed(head)
    payload_type = second & 0x7F
    number = feed.by_payload_type.get(payload_type)
    if number is None and feed.layers is not None:
        number = feed.layers.known(ssrc)
    if number is None or not feed.sources[number].expects(ssrc, payload_type, sequence):
        return False
    found = srtp.open_run(ssrc, sequence, datagrams)
    if found is None:
        return False
    packets = found if isinstance(found, list) else _taken_whole(feed, number, found, now)
    feed.rx_bytes += octets - GCM_TAG * len(datagrams)
    if packets is None:
        return True
    feed.unfold()
    first, timestamps, packets = _continue(feed.sources[number], packets, now)
    indexes = range(first, first + len(packets))
    feed.burst += map(Outgoing, repeat(number), repeat(feed.ssrcs[number]), indexes, timestamps, packets)
    return True


def _taken_whole(feed: Feed, number: int, run: NativeRun, now: float) -> list[RtpPacket] | None:
    """Take a run in one piece; if that cannot be, its packets, which are to be taken."""
    track = feed.sources[number]
    if feed.burst or not track.passes_unread or not (track.ids is None or track.ids.continue_run(run)):
        return run.packets()
    if track.transport is not None:
        for arrived in run.numbers(track.transport.extension):
            track.transport.received(arrived, now)
    first, shift = _follow_run(track, run.timestamps(), now)
    ssrc = feed.ssrcs[number]
    run.number(Outgoing, number, ssrc, first, shift)
    feed.runs.append(HeldRun(number, ssrc, first, run))
    return None


def _follow_run(track: SourceTrack, timestamps: list[int], now: float) -> tuple[int, int]:
    """Count and number the packets that a track expects next, which have these timestamps.

    Returns the room's first index, and what is to be added to the timestamps.
    """
    assert track.stats is not None
    track.stats.received_run(track.translator.expected, timestamps, now)
    if track.nack is not None:
        track.nack.received_run(len(timestamps))
    first, translated = track.translator.translate_run(timestamps)
    track.heard_at = track.last_received = now
    track.last_timestamp = translated[-1]
    return first, translated[-1] - timestamps[-1] & 0xFFFFFFFF


def _continue(
    track: SourceTrack, packets: list[RtpPacket], now: float
) -> tuple[int, list[int], list[RtpPacket]]:
    """Take the packets that a track expects next: the room's first index, timestamps, and what goes out."""
    timestamps = [packet.timestamp for packet in packets]
    if track.transport is not None:
        for packet in packets:
            track.transport.arrived(packet.extensions, now)
    if track.ids is not None:
        packets = [track.ids.continued(packet) for packet in packets]
    if track.extension_ids is not None:
        packets = [packet.with_extension_ids(track.extension_ids) for packet in packets]
    first, shift = _follow_run(track, timestamps, now)
    if track.watch is not None and track.watch.packets_wanted > 0:
        for packet in packets:
            if track.watch.packets_wanted > 0:
                track.watch.saw(packet.payload, now)
    return first, [timestamp + shift & 0xFFFFFFFF for timestamp in timestamps], packets


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
