"""The packet switch: SRTP in from publishers, SRTP out to viewers. The hot path, and nothing else.

It knows no sockets, clocks, Redis or policy, so that a native one can replace it. It is given keys and
routes. `receive` takes a batch of datagrams, calls `transmit` with what to send, grouped by viewer, and
returns what is left to do for the caller. Calls must not overlap; each one completes its work.

SSRC, sequence numbers and timestamps towards viewers belong to the room, not to the publisher: a publisher
can be replaced, and its viewers see one unbroken stream.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from media.pure.fan_out import fan_out_by
from media.pure.run import Opener
from media.rtp.extensions import send_time
from media.rtp.joined import Joined
from media.rtp.run import MakeOpener, Run, between
from media.rtp.sequence import WRAP_GUARD, before_wrap, behind_guard
from media.rtp.srtp import Profile, SrtpKeys
from media.rtp.srtp_receiver import SrtpReceiver
from media.switch.feed import Feed
from media.switch.intake import take_all, take_opened, take_stray
from media.switch.join_burst import JoinBurst
from media.switch.paced import Paced
from media.switch.resend import resend
from media.switch.viewer import Behind, Place, Viewer
from media.switch.wire import Wire
from media.switch.wire_profile import WireProfile
from media.transport.address import Address, Backlog, FanOut, Transmit


class Received(NamedTuple):
    """What a batch leaves to do: decrypted RTCP of publishers, and feeds with RTCP due to their publisher."""

    rtcp: list[tuple[Feed, bytes]]
    due: list[Feed]


class PacketSwitch:
    """Relays the packets of many rooms.

    `transmit_to` finds what sends to a viewer's address, `backlog_to` what waits there if it is a stream, and
    `fan_out_to` what sends natively to many such addresses at once, if anything does. `make_opener` is for
    `SrtpReceiver`; None: Python's.
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
        self._make_opener = make_opener or Opener
        self._by_transmit: dict[Transmit, FanOut] = {}  # viewers that share one are sent to together

    def open_source(self, feed: Feed, keys: SrtpKeys) -> None:
        """Take the keys of the room's publisher. Its packets are forwarded from now on."""
        feed.open(SrtpReceiver(keys, self._make_opener), keys)

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
        `without` later, if at all: see `change`; and its sound with earlier packets, too: see `reform`.
        A viewer that is `joining` begins behind the live edge if pictures are held: see `media.switch.join`.
        """
        wires = [*wires, *[None] * (len(feed.sent) - len(wires))]
        gets = [
            wire
            if wire is None
            or (not wire.earlier and (wire.ssrc is None or number == rendition) and number not in without)
            else None
            for number, wire in enumerate(wires)
        ]
        viewer = Viewer(
            keys,
            address,
            *self._ways_to(address, natively=keys.profile is Profile.AEAD_AES_128_GCM),
            [None] * len(wires),
            feed.next_indexes,
            [feed.rtx_ssrc_of(number, wire) for number, wire in enumerate(wires)],
            wires,
            rendition,
        )
        viewer.queue_in(self._backlog_to(address))
        feed.viewers.add(viewer)
        for number, (track, wire) in enumerate(zip(feed.sent, gets, strict=True)):
            if wire is None:
                continue
            profile = feed.profile(number, wire)
            viewer.get(number, wire, profile.count)
            if joining and track.has_pictures and viewer.behind is None:
                viewer.behind = JoinBurst(number)
            elif run_up := track.run_up(feed.next_indexes[number]):
                viewer.start_at(number, run_up[0].first)
                profile.send_held(run_up, viewer, send_time(now))
            profile.add(viewer)
        return viewer

    def move_viewer(self, viewer: Viewer, address: Address) -> None:
        """Send to another address of the viewer from now on."""
        viewer.move(address, *self._ways_to(address, natively=viewer.sender.in_place))
        viewer.queue_in(self._backlog_to(address))

    def _ways_to(self, address: Address, *, natively: bool) -> tuple[Transmit, FanOut]:
        """What sends single datagrams there, and what sends runs: `natively` if that is possible."""
        transmit = self._transmit_to(address)
        native = self._fan_out_to(address) if natively else None
        if native is not None:
            return transmit, native
        return transmit, self._by_transmit.setdefault(transmit, fan_out_by(transmit))

    def remove_viewer(self, feed: Feed, viewer: Viewer) -> None:
        for number in range(len(viewer.wires)):
            _end(feed, viewer, number)
        feed.retire(viewer)

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
        while a burst is forwarded. Two renditions of one picture have one SSRC, under which the numbers go
        on. With `behind`, packets of the new track go out by that.
        """
        if leaves is not None:
            _end(feed, viewer, leaves)
            viewer.leave(leaves, feed.ssrc_of(leaves, viewer.forms[leaves]))
        if takes is None:
            return
        form = viewer.forms[takes.track]
        assert form is not None
        viewer.take(takes, feed.ssrc_of(takes.track, form))
        if behind is not None:
            viewer.behind = behind
        profile = _begin(feed, viewer, takes.track, form)
        held = [*feed.sent[takes.track].history.since(takes.first)]
        if held and viewer.tells_delay(takes.track):
            # first by RTX: the receiver takes the delay from what comes first
            first = between(held[0], held[0].first, held[0].first + 1)
            resend(viewer, first, viewer.offsets[takes.track], viewer.shifts[takes.track], now)
        if behind is None:
            profile.send_held(held, viewer, send_time(now))
        else:
            for run in held:
                behind.add(run)

    def reform(self, feed: Feed, viewer: Viewer, leaves: int, takes: int) -> None:
        """Send a viewer its sound in another form, from its next packet on. Not while a burst is forwarded.

        Both forms have the same numbers, and are sent under the same SSRC.
        """
        form = viewer.forms[takes]
        assert form is not None
        _end(feed, viewer, leaves)
        viewer.reform(leaves, takes, feed.next_indexes[leaves], feed.ssrcs[leaves])
        _begin(feed, viewer, takes, form)

    def begin_burst(self, feed: Feed, viewer: Viewer, now: float) -> None:
        """Start a viewer that is behind at the last keyframe, or at the live edge if none is held."""
        assert isinstance(viewer.behind, JoinBurst)
        track = feed.sent[viewer.behind.track]
        group = track.group() if track.has_pictures else []
        if viewer.behind.not_before is not None:
            group = _since(viewer.behind.not_before, group)
        if not group or before_wrap(group[0].first) <= WRAP_GUARD:
            viewer.start_at(viewer.behind.track, behind_guard(track.history.next_index))
            _caught_up(feed, viewer)
            return
        viewer.start_at(viewer.behind.track, group[0].first)
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
        _profile(feed, viewer, track).send_held(due, viewer, send_time(now))
        if viewer.behind.caught_up:
            _caught_up(feed, viewer)

    def receive(self, batch: Iterable[tuple[Feed, list[bytes] | Joined]], now: float) -> Received:
        """Forward a batch of publishers' SRTP: runs of datagrams. `now` is in seconds of a steady clock."""
        rtcp: list[tuple[Feed, bytes]] = []
        touched: dict[Feed, None] = {}
        for feed, came in batch:
            if take_all(feed, came, now, rtcp):
                touched[feed] = None
        return self._received(rtcp, touched, now)

    def receive_stray(self, feed: Feed, datagram: bytes, now: float) -> Received | None:
        """The same for one datagram whose sender is not known; None: it is forged, broken or came before.

        Its address is to be known before the next one comes: these go one by one.
        """
        rtcp: list[tuple[Feed, bytes]] = []
        return self._received(rtcp, (feed,), now) if take_stray(feed, datagram, now, rtcp) else None

    def _received(self, rtcp: list[tuple[Feed, bytes]], touched: Collection[Feed], now: float) -> Received:
        for feed in touched:
            if feed.runs:
                try:
                    self._forward(feed, now)
                except Exception as fault:
                    feed.breaks(fault)
        return Received(rtcp, [feed for feed in touched if now >= feed.rtcp_due_at])

    def _forward(self, feed: Feed, now: float) -> None:
        runs, feed.runs = feed.runs, []
        if feed.standby is not None:
            feed.rx_packets += sum(map(len, runs))
            if (on := feed.standby.take(runs, now)) is not None:
                take_opened(on, runs, now)
                self._forward(on, now)
            return
        sent = feed.sent
        for run in runs:
            feed.rx_packets += len(run)
            sent[run.track].keep(run, now)
            if feed.tap is not None:
                feed.tap.take(run)
        if feed.thinning is not None and feed.thinning.active:
            thinned = [left for run in runs for left in feed.thinning.of(run)]
            for run in thinned:
                sent[run.track].keep(run, now)
            runs += thinned
        if feed.redundant is not None and feed.redundant.active:
            redundant = [form for run in runs for form in feed.redundant.of(run)]
            for run in redundant:
                sent[run.track].keep(run, now)
            runs += redundant
        sent_at = send_time(now)
        for run in runs:
            for profile in feed.profiles[run.track].values():
                profile.send(run, sent_at)
        if feed.after_burst:
            due, feed.after_burst = feed.after_burst, {}
            for call in due.values():
                call(now)


def _begin(feed: Feed, viewer: Viewer, track: int, wire: Wire) -> WireProfile:
    """Send a viewer that track from now on."""
    profile = feed.profile(track, wire)
    viewer.get(track, wire, profile.count)
    profile.add(viewer)
    return profile


def _end(feed: Feed, viewer: Viewer, track: int) -> None:
    """Send a viewer no more of that track, if it gets it."""
    wire = viewer.wires[track]
    if wire is None:
        return
    profile = feed.profile(track, wire)
    profile.remove(viewer)
    if profile.deserted:
        del feed.profiles[track][wire.key()]
    viewer.get(track, None)


def _since(index: int, group: list[Run]) -> list[Run]:
    """The packets of a group from that index on, or its last run; all where no viewer may begin there."""
    left = [
        between(run, max(run.first, index), run.first + len(run))
        for run in group
        if run.first + len(run) > index
    ] or group[-1:]
    return left if left and before_wrap(left[0].first) > WRAP_GUARD else group


def _caught_up(feed: Feed, viewer: Viewer) -> None:
    assert viewer.behind is not None
    profile = _profile(feed, viewer, viewer.behind.track)
    profile.remove(viewer)
    viewer.behind = None
    profile.add(viewer)


def _profile(feed: Feed, viewer: Viewer, track: int) -> WireProfile:
    """The one of a viewer that gets that track."""
    wire = viewer.wires[track]
    assert wire is not None
    return feed.profile(track, wire)
