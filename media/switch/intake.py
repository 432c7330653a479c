"""What comes from a publisher: which track a packet is of, and its place in the room's numbering."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from msgspec.structs import replace

from media.pure.run import Run as PureRun
from media.rtp.joined import Joined
from media.rtp.libsrtp import SrtpError
from media.rtp.packet import FIXED_SIZE, RtpError, RtpPacket, is_rtcp, parse, read_fixed
from media.rtp.padding import without_padding
from media.rtp.red import RedError
from media.rtp.red import parse as parse_red
from media.rtp.run import MOST_PACKETS, Run, datagrams_of
from media.rtp.srtp import GCM_TAG
from media.rtp.srtp_receiver import SrtpReceiver
from media.switch.feed import Feed
from media.tracks.nack_generator import Seen

_ssrc = itemgetter(slice(8, 12))


class _Place(NamedTuple):
    """Of a packet in the room: track, publisher's SSRC, index, and what is added to its timestamp."""

    number: int
    ssrc: int
    first: int
    shift: int


def take_all(feed: Feed, came: list[bytes] | Joined, now: float, rtcp: list[tuple[Feed, bytes]]) -> bool:
    """Add to the feed's runs what goes out for SRTP of its publisher, in the order of arrival.

    Its RTCP joins `rtcp`. Returns whether there was anything else.
    """
    if not isinstance(came, list):
        try:
            if feed.srtp is not None and _take_run(feed, feed.srtp, came.head, came, came.octets, now):
                return True
        except Exception as fault:
            feed.breaks(fault)
            return True
        came = list(came)  # to look at each, for one may be RTCP
    others = False
    for start in range(0, len(came), MOST_PACKETS):
        part = came[start : start + MOST_PACKETS]
        if feed.media_types.issuperset([datagram[1:2] for datagram in part]):
            others |= feed.srtp is not None
        else:
            part, any_other = _media_of(feed, part, rtcp)
            others |= any_other
        for _, stream in groupby(part, _ssrc):  # layers of a picture, or sound between pictures
            if feed.srtp is not None:
                _take_stream(feed, feed.srtp, list(stream), now)
    return others


def take_stray(feed: Feed, datagram: bytes, now: float, rtcp: list[tuple[Feed, bytes]]) -> bool:
    """The same for one datagram, from anywhere, of `FIXED_SIZE` or more.

    Returns whether it is authentic, and has not come before.
    """
    if feed.srtp is None:
        return False
    try:
        if is_rtcp(datagram):
            rtcp.append((feed, feed.srtp.unprotect_rtcp(datagram)))
            return True
        plain = feed.srtp.unprotect(datagram)
    except SrtpError:
        feed.rx_dropped += 1
        return False
    _take_each(feed, iter((plain,)), now)
    return True


def _media_of(feed: Feed, datagrams: list[bytes], rtcp: list[tuple[Feed, bytes]]) -> tuple[list[bytes], bool]:
    """What is left without RTCP, which joins `rtcp`, and without what no track of the room has.

    Also whether there was anything but RTCP.
    """
    media, others = [], False
    for datagram in datagrams:
        srtp = feed.srtp
        if srtp is None or len(datagram) < FIXED_SIZE:
            continue
        if not is_rtcp(datagram):
            others = True
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
    return media, others


def _take_stream(feed: Feed, srtp: SrtpReceiver, datagrams: list[bytes], now: float) -> None:
    """Take datagrams of one SSRC: as a run, or else one by one."""
    try:
        if _take_run(feed, srtp, datagrams[0], datagrams, sum(map(len, datagrams)), now):
            return
    except Exception as fault:
        feed.breaks(fault)
    _take_each(feed, map(srtp.unprotect, datagrams), now)


def take_opened(feed: Feed, runs: Iterable[Run], now: float) -> None:
    """Take runs that came into another feed, as their publisher sent them: it feeds this one from now on."""
    for run in runs:
        _take_each(feed, iter(datagrams_of(run)), now)


def _take_each(feed: Feed, plains: Iterator[bytes], now: float) -> None:
    gathered: list[RtpPacket] = []
    begins: _Place | None = None  # of the first one of them
    while feed.srtp is not None:  # or a fault that an earlier one triggered
        try:
            for packet, place in _take_one(feed, next(plains), now):
                if begins is None or begins._replace(first=begins.first + len(gathered)) != place:
                    _add_gathered(feed, begins, gathered, now)
                    gathered, begins = [], place
                gathered.append(packet)
        except StopIteration:
            break
        except (SrtpError, RtpError, RedError):
            feed.rx_dropped += 1
        except Exception as fault:
            feed.breaks(fault)
    try:
        _add_gathered(feed, begins, gathered, now)
    except Exception as fault:
        feed.breaks(fault)


def _take_one(feed: Feed, plain: bytes, now: float) -> Sequence[tuple[RtpPacket, _Place]]:
    packet = parse(plain)
    number = feed.by_payload_type.get(packet.payload_type)
    if number is None:
        number = layer_of(feed, packet, now)
        if number is None:
            return ()
    restored: Sequence[tuple[RtpPacket, _Place]] = ()
    if packet.payload_type == feed.sources[number].red_payload_type:
        packet, restored = _unpack(feed, number, packet, now)
    taken = take(feed, number, packet, now)
    if taken is None:
        return restored
    feed.rx_bytes += len(plain)
    return (*restored, taken)


def _unpack(
    feed: Feed, number: int, packet: RtpPacket, now: float
) -> tuple[RtpPacket, Sequence[tuple[RtpPacket, _Place]]]:
    """A packet of redundant sound as it is without the earlier ones; and those that are missing before it.

    So all behind the intake get the sound as it is. Raises `RedError`.
    """
    track = feed.sources[number]
    content = (without_padding(packet.payload) or b"") if packet.padding else packet.payload
    red = parse_red(content, track.payload_type)
    primary = replace(packet, padding=False, payload_type=track.payload_type, payload=red.primary)
    restored: list[tuple[RtpPacket, _Place]] = []
    if track.stats is None or track.stats.ssrc != packet.ssrc:
        return primary, restored
    for earlier in track.restored(primary, red.earlier):
        if track.nack is not None:
            track.nack.received(earlier.sequence, now)
        numbered = track.translator.translate(earlier.sequence, (earlier.timestamp,))
        if numbered is not None:
            feed.rx_recovered += 1
            restored.append((earlier, _Place(number, earlier.ssrc, *numbered)))
    return primary, restored


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
    run = srtp.open(ssrc, sequence, datagrams)
    if run is None:
        return False
    track, timestamps = feed.sources[number], run.timestamps()
    feed.rx_bytes += octets - GCM_TAG * len(run)
    if track.transport is not None:
        for arrived in run.numbers(track.transport.extension):
            track.transport.received(arrived, now)
    assert track.stats is not None
    track.stats.received(sequence, timestamps, now)
    if track.nack is not None:
        track.nack.received(sequence, now, len(run))
    numbered = track.translator.translate(sequence, timestamps)
    assert numbered is not None
    track.heard_at = now
    if track.extension_ids is not None:
        run = PureRun.of([packet.with_extension_ids(track.extension_ids) for packet in run.packets()])
    _add(feed, run, _Place(number, ssrc, *numbered), now)
    return True


def _add_gathered(feed: Feed, place: _Place | None, packets: Sequence[RtpPacket], now: float) -> None:
    if place is not None:
        _add(feed, PureRun.of(packets), place, now)


def _add(feed: Feed, run: Run, place: _Place, now: float) -> None:
    """Forward a run that begins at that place."""
    number, _, index, shift = place
    track = feed.sources[number]
    if track.ids is not None:
        track.ids.renumber(run)
    if track.watch is not None and track.watch.packets_wanted > 0:
        track.watch.saw(run.payloads(), now)
    run.number(number, feed.ssrcs[number], index, shift)
    track.last_received, track.last_timestamp = now, run.timestamps()[-1]
    if track.stamps is not None and now >= track.stamps.due_at:
        feed.runs += track.stamps.stamped(run, now)
    else:
        feed.runs.append(run)


def layer_of(feed: Feed, packet: RtpPacket, now: float) -> int | None:
    """The number of the layer that `packet` belongs to; None: it is dropped.

    A layer that the room does not take is expected to come, so its packets do not count as dropped.
    """
    layers = feed.layers
    number = None if layers is None else layers.find(packet, now)
    if number is None and (layers is None or not layers.leaves_out(packet)):
        feed.rx_dropped += 1
    return number


def take(feed: Feed, number: int, packet: RtpPacket, now: float) -> tuple[RtpPacket, _Place] | None:
    """What goes out for a packet of track `number`, and where in the room; None: nothing."""
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
        if not track.goes_on(packet, now) and not track.follow(packet, now):
            feed.rx_dropped += 1
            return None
        assert track.stats is not None
        track.stats.received(packet.sequence, (packet.timestamp,), now)
        track.heard_at = now
    if track.nack is not None and (seen := track.nack.received(packet.sequence, now)):
        _note(feed, seen)
    if track.gate.closed:
        if not track.gate.lets_pass(packet.payload, now):
            feed.rx_dropped += 1
            return None
        track.go_on(packet, now)
    numbered = track.translator.translate(packet.sequence, (packet.timestamp,))
    if numbered is None:
        feed.rx_late += not is_resent  # a needless packet in RTX is a bandwidth probe
        return None
    if track.extension_ids is not None and packet.extensions:
        packet = packet.with_extension_ids(track.extension_ids)
    return packet, _Place(number, packet.ssrc, *numbered)


def _note(feed: Feed, seen: Seen) -> None:
    if seen is Seen.AFTER_GAP:
        feed.rtcp_due_at = -math.inf
    elif seen is Seen.RECOVERED:
        feed.rx_recovered += 1
