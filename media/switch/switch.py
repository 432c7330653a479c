"""The packet switch: SRTP in from publishers, SRTP out to viewers. The hot path, and nothing else.

It knows no sockets, clocks, Redis or policy, so that a native one can replace it. It is given keys and
routes. `receive` takes a batch of datagrams, calls `transmit` with what to send, grouped by viewer, and
returns what is left to do for the caller. Calls must not overlap; each one completes its work.

SSRC, sequence numbers and timestamps towards viewers belong to the room, not to the publisher: a publisher
can be replaced, and its viewers see one unbroken stream.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from media.rtp.joined import Joined
from media.rtp.nonces import MOST_NONCES
from media.rtp.opener import MakeOpener
from media.rtp.sequence import WRAP_GUARD, before_wrap, behind_guard
from media.rtp.srtp import SrtpKeys
from media.rtp.srtp_receiver import SrtpReceiver
from media.switch.feed import Feed
from media.switch.intake import media_of, take_all, take_joined
from media.switch.join_burst import JoinBurst
from media.switch.laid_burst import BUFFER_BYTES, MAX_SEGMENTS, send_to
from media.switch.paced import Paced
from media.switch.packet_header import SentAt
from media.switch.padding import pad
from media.switch.resend import resend
from media.switch.viewer import Behind, Place, Viewer
from media.switch.wire import Wire
from media.switch.wire_profile import WireProfile
from media.tracks.outgoing import Outgoing
from media.transport.address import Address, Backlog, FanOut, Transmit

_track = attrgetter("track")
MOST_TAKEN = MOST_NONCES  # datagrams of a publisher that are unprotected in one go


class Received(NamedTuple):
    """What a batch leaves to do: decrypted RTCP of publishers, and feeds with RTCP due to their publisher."""

    rtcp: list[tuple[Feed, bytes]]
    due: list[Feed]


class PacketSwitch:
    """Relays the packets of many rooms.

    `transmit_to` finds what sends to a viewer's address, `backlog_to` what waits there if it is a stream, and
    `fan_out_to` what sends to many such addresses at once, if anything does. `make_opener` is for
    `SrtpReceiver`.
    """

    def __init__(
        self,
        transmit_to: Callable[[Address], Transmit],
        backlog_to: Callable[[Address], Backlog | None] = lambda _: None,
        fan_out_to: Callable[[Address], FanOut | None] = lambda _: None,
        make_opener: MakeOpener | None = None,
    ) -> None:
        self._transmit_to = transmit_to
        self._backlog_to = backlog_to
        self._fan_out_to = fan_out_to
        self._make_opener = make_opener
        self._buffer = memoryview(bytearray(BUFFER_BYTES))

    def open_source(self, feed: Feed, keys: SrtpKeys) -> None:
        """Take the keys of the room's publisher. Its packets are forwarded from now on."""
        feed.open(SrtpReceiver(keys, self._make_opener), keys)

    def close_source(self, feed: Feed, keys: SrtpKeys) -> None:
        """Forward nothing more from the publisher with these keys. Another publisher is not affected."""
        feed.close(keys)

    def add_viewer(
        self,
        feed: Feed,
        keys: SrtpKeys,
        wires: Sequence[Wire | None],
        address: Address,
        *,
        now: float,
        joining: bool = False,
        rendition: int | None = None,
        without: Collection[int] = (),
    ) -> Viewer:
        """Send the room's tracks to `address`, each in the form of its wire (None: not this track).

        Of wires with an SSRC it gets `rendition` only: they are renditions of one picture. It gets the tracks
        `without` later, if at all: see `change`.
        A viewer that is `joining` begins behind the live edge if pictures are held: see `media.switch.join`.
        """
        wires = [*wires, *[None] * (len(feed.sent) - len(wires))]
        gets = [
            wire
            if (wire is None or wire.ssrc is None or number == rendition) and number not in without
            else None
            for number, wire in enumerate(wires)
        ]
        profile = _profile(feed, gets)
        viewer = Viewer(
            keys,
            address,
            self._transmit_to(address),
            profile.wires,
            profile.counts,
            feed.next_indexes,
            [feed.rtx_ssrc_of(number, wire) for number, wire in enumerate(wires)],
            wires,
            rendition,
            self._fan_out_to(address),
        )
        viewer.queue_in(self._backlog_to(address))
        for number, (track, wire) in enumerate(zip(feed.sent, gets, strict=True)):
            if joining and wire is not None and track.has_pictures:
                viewer.behind = JoinBurst(number)
            elif wire is not None and (run_up := track.run_up(feed.next_indexes[number])):
                viewer.start_at(number, run_up[0].extended)
                send_to(viewer, run_up, self._buffer, SentAt(now))
        profile.add(viewer)
        return viewer

    def move_viewer(self, viewer: Viewer, address: Address) -> None:
        """Send to another address of the viewer from now on."""
        viewer.move(address, self._transmit_to(address), self._fan_out_to(address))
        viewer.queue_in(self._backlog_to(address))

    def remove_viewer(self, feed: Feed, viewer: Viewer) -> None:
        key = _key(viewer.wires)
        profile = feed.profiles[key]
        profile.remove(viewer)
        feed.retire(viewer)
        if profile.deserted:
            del feed.profiles[key]

    def change(
        self,
        feed: Feed,
        viewer: Viewer,
        *,
        leaves: int | None,
        takes: Place | None,
        behind: Behind | None,
        now: float,
    ) -> None:
        """Send a viewer what begins at the place `takes`, and no more of the track `leaves`.

        What is held from that place on is sent at once, if the viewer is not to be `behind`: do not call this
        while a burst is forwarded. Two
        renditions of one picture have one SSRC, under which the numbers go on. With `behind`, packets of the
        new track go out by that.
        """
        profile = feed.profiles[_key(viewer.wires)]
        profile.remove(viewer)
        if profile.deserted:
            del feed.profiles[_key(viewer.wires)]
        wires = list(viewer.wires)
        if leaves is not None:
            viewer.leave(leaves, feed.ssrc_of(leaves, viewer.forms[leaves]))
            wires[leaves] = None
        if takes is not None:
            form = wires[takes.track] = viewer.forms[takes.track]
            viewer.take(takes, feed.ssrc_of(takes.track, form))
            viewer.behind = behind
        profile = _profile(feed, wires)
        viewer.share(profile.wires, profile.counts)
        profile.add(viewer)
        if takes is None:
            return
        held = feed.sent[takes.track].history.since(takes.first)
        if held and viewer.tells_delay(takes.track):
            # first by RTX: the receiver takes the delay from what comes first
            self.resend(viewer, held[0], viewer.offsets[takes.track], viewer.shifts[takes.track], now)
        if behind is None:
            send_to(viewer, held, self._buffer, SentAt(now))
        else:
            for packet in held:
                behind.add(packet.extended, len(packet.packet.payload), packet)

    def begin_burst(self, feed: Feed, viewer: Viewer, now: float) -> None:
        """Start a viewer that is behind at the last keyframe, or at the live edge if none is held."""
        assert isinstance(viewer.behind, JoinBurst)
        track = feed.sent[viewer.behind.track]
        group = track.group() if track.has_pictures else []
        if not group or before_wrap(group[0][0]) <= WRAP_GUARD:
            viewer.start_at(viewer.behind.track, behind_guard(track.history.next_index))
            _caught_up(feed, viewer)
            return
        viewer.start_at(viewer.behind.track, group[0][0])
        viewer.behind.begin(group, track.pictures.bitrate, now)

    def advance(self, feed: Feed, viewer: Viewer, now: float) -> None:
        """Send a viewer that is behind the packets that are due. Call it every few milliseconds."""
        assert viewer.behind is not None
        if viewer.backlog is not None and viewer.backlog.octets and viewer.behind.may_wait(now):
            return
        track = viewer.behind.track
        due = viewer.behind.take(now)
        if isinstance(viewer.behind, Paced) and (begins_at := viewer.behind.begins_at) is not None:
            place = Place(track, begins_at, viewer.behind.shift)
            viewer.take(place, feed.ssrc_of(track, viewer.forms[track]))
        send_to(viewer, due, self._buffer, SentAt(now))
        if viewer.behind.caught_up:
            _caught_up(feed, viewer)

    def resend(self, viewer: Viewer, packet: Outgoing, offset: int, shift: int, now: float) -> bool:
        """Retransmit a packet that `viewer` was sent with that offset and shift; False if it cannot be."""
        return resend(viewer, packet, offset, shift, SentAt(now))

    def pad(self, viewer: Viewer, octets: float, now: float) -> int:
        """Send `viewer` packets of padding, up to `octets`; returns the octets that were sent."""
        return pad(viewer, octets, SentAt(now))

    def receive(self, batch: Iterable[tuple[Feed, list[bytes] | Joined]], now: float) -> Received:
        """Forward a batch of publishers' SRTP: runs of datagrams. `now` is in seconds of a steady clock."""
        rtcp: list[tuple[Feed, bytes]] = []
        touched: dict[Feed, None] = {}
        for feed, came in batch:
            if isinstance(came, list):
                run = came
            elif take_joined(feed, came, now):
                touched[feed] = None
                continue
            else:
                run = list(came)
            for start in range(0, len(run), MOST_TAKEN):
                part = run if len(run) <= MOST_TAKEN else run[start : start + MOST_TAKEN]
                if not feed.media_types.issuperset([datagram[1:2] for datagram in part]):
                    part = media_of(feed, part, rtcp, touched)
                if part and feed.srtp is not None:
                    touched[feed] = None
                    take_all(feed, feed.srtp, part, now)
        for feed in touched:
            if feed.burst or feed.runs:
                try:
                    self._forward(feed, now)
                except Exception as fault:
                    feed.breaks(fault)
        return Received(rtcp, [feed for feed in touched if now >= feed.rtcp_due_at])

    def _forward(self, feed: Feed, now: float) -> None:
        if feed.tap is not None or (feed.thinning is not None and feed.thinning.active):
            feed.unfold()
        if feed.runs:
            self._forward_runs(feed, now)
        else:
            self._forward_burst(feed, now)
        if feed.after_burst:
            due, feed.after_burst = feed.after_burst, {}
            for call in due.values():
                call(now)

    def _forward_runs(self, feed: Feed, now: float) -> None:
        runs, feed.runs = feed.runs, []
        sent_at = SentAt(now)
        for run in runs:
            feed.rx_packets += len(run)
            feed.sent[run.track].keep_whole(run, now)
            for profile in feed.profiles.values():
                profile.send_run(run, self._buffer, sent_at)

    def _forward_burst(self, feed: Feed, now: float) -> None:
        burst, feed.burst = feed.burst, []
        feed.rx_packets += len(burst)
        sent = feed.sent
        for track, packets in groupby(burst, _track):
            sent[track].keep_run(list(packets), now)
        if feed.tap is not None:
            feed.tap.packets(burst)
        if feed.thinning is not None and feed.thinning.active:
            thinned = feed.thinning.of(burst)
            for packet in thinned:
                sent[packet.track].keep(packet, now)
            burst = [*burst, *thinned]
        sent_at = SentAt(now)
        for start in range(0, len(burst), MAX_SEGMENTS):
            for profile in feed.profiles.values():
                profile.send(burst[start : start + MAX_SEGMENTS], self._buffer, sent_at)


def _key(wires: Iterable[Wire | None]) -> tuple[object, ...]:
    return tuple(wire and wire.key() for wire in wires)


def _profile(feed: Feed, wires: Sequence[Wire | None]) -> WireProfile:
    key = _key(wires)
    profile = feed.profiles.get(key)
    if profile is None:
        profile = feed.profiles[key] = WireProfile(wires)
    return profile


def _caught_up(feed: Feed, viewer: Viewer) -> None:
    profile = feed.profiles[_key(viewer.wires)]
    profile.remove(viewer)
    viewer.behind = None
    profile.add(viewer)
