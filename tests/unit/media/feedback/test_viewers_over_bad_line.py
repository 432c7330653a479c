"""The real switch and viewers over bad lines: each reads all it gets, and gets nearly all, whatever wraps.

A publisher sends over a line that loses and reorders; what is lost there is lost to all. Viewers join at any
time, over lines of their own, and ask for what is missing there. Their ends are libsrtp's.
"""

from collections.abc import Sequence
from itertools import chain, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.counts import ViewerStats
from media.feedback.viewer_feedback import ViewerFeedback
from media.rtp.libsrtp import SrtpError
from media.rtp.packet import parse
from media.rtp.rtcp import nack
from media.rtp.rtx import unwrap
from media.rtp.sequence import WRAP_GUARD
from media.rtp.srtp import Profile
from media.switch.switch import PacketSwitch
from media.switch.wire import Wire
from media.tracks.nack_generator import NackGenerator
from media.transport.address import Address
from tests.support.far_end import BOTH_PROFILES, far_receiver, far_sender, new_keys, rtp
from tests.support.relay import RTX_SSRCS, SSRCS, TYPES, VIDEO, new_feed
from tests.support.simulated_line import Line

STARTS = [1, 0x7FFF, 0x8000, 60_000, 0xFC00, 0xFFFF - WRAP_GUARD - 1, 0xFFFF - WRAP_GUARD, 0xFFF0, 0xFFFF]
PACKETS = 1500
SPACING = 0.004
SOURCE = 0x51
WIRES = {
    "plain": (Wire(96, {}, nack=True), None),
    "rtx": (Wire(96, {}, nack=True, rtx=97), None),
    "helpless": (Wire(96, {}), None),
}


class NoPublisher:
    cname = b""

    def want_keyframes(self, now: float) -> None:
        """Nobody hears it."""

    def play_time(self, _number: int, _now: float) -> None:
        return None


class Room:
    """A publisher, whose first sequence number is `source`, and a switch, whose first index is `index`."""

    def __init__(self, index: int, source: int, loss: float) -> None:
        self.line = Line(seed=index ^ source, loss=loss)
        self.switch = PacketSwitch(self._transmit)
        self.feed = new_feed(index)
        keys = new_keys()
        self.switch.open_source(self.feed, keys)
        self._far = far_sender(keys)
        self._source = source
        self._viewers: dict[Address, Viewer] = {}
        self.taken: list[int] = []  # numbers of the packets that the switch got

    def publish(self, number: int) -> None:
        packet = self._far.protect(
            rtp(self._source + number, number.to_bytes(4), payload_type=TYPES[VIDEO], ssrc=SOURCE)
        )

        def arrive() -> None:
            self.taken.append(number)
            self.switch.receive([(self.feed, packet)], self.line.now)

        self.line.send(arrive)

    def join(self, wires: Sequence[Wire | None], profile: Profile) -> "Viewer":
        address = ("192.0.2.1", len(self._viewers))
        viewer = self._viewers[address] = Viewer(self, wires, profile, address)
        return viewer

    def _transmit(self, run: bytes | memoryview, size: int, address: Address) -> None:
        run = bytes(run)
        for at in range(0, len(run), size):
            self._viewers[address].sent(run[at : at + size])


class Viewer:
    """Behind a line that shares the room's clock. `got` is what it read: packets' numbers, and their places.

    `refused` are datagrams that libsrtp would not have: copies of what had come.
    """

    def __init__(self, room: Room, wires: Sequence[Wire | None], profile: Profile, address: Address) -> None:
        keys = new_keys(profile)
        self._room = room
        self._end = far_receiver(keys)
        self._asks = NackGenerator() if wires[VIDEO] and wires[VIDEO].nack else None
        self._waking: float | None = None
        self.got: dict[int, int] = {}
        self.refused = 0
        self.stats = ViewerStats()
        self.first = room.taken[-1] + 1 if room.taken else 0
        self._feedback = ViewerFeedback(
            room.switch.add_viewer(room.feed, keys, wires, address),
            room.feed.sent,
            NoPublisher(),  # type: ignore[arg-type]
            room.switch.resend,
            self.stats,
            room.line.now,
        )

    def sent(self, datagram: bytes) -> None:
        self._room.line.send(lambda: self._receive(datagram))

    def _receive(self, datagram: bytes) -> None:
        try:
            packet = parse(self._end.unprotect(datagram))
        except SrtpError:
            self.refused += 1
            return
        if packet.ssrc == RTX_SSRCS[VIDEO]:
            packet = unwrap(packet, 96, SSRCS[VIDEO])
        assert packet.ssrc == SSRCS[VIDEO]
        number = int.from_bytes(packet.payload)
        assert self.got.setdefault(number, packet.sequence) == packet.sequence
        if self._asks is not None:
            self._asks.received(packet.sequence, self._room.line.now)
            self._set_alarm(self._asks)

    def _set_alarm(self, asks: NackGenerator) -> None:
        due = asks.next_due()
        if due is not None and (self._waking is None or due < self._waking):
            self._waking = due
            self._room.line.at(max(due, self._room.line.now), lambda: self._wake(asks))

    def _wake(self, asks: NackGenerator) -> None:
        self._waking = None
        if missing := asks.due(self._room.line.now):
            compound = nack(1, SSRCS[VIDEO], missing)
            self._room.line.send(lambda: self._feedback.receive(compound, self._room.line.now))
        self._set_alarm(asks)


def play(index: int, source: int, loss: float, joins: Sequence[int]) -> tuple[Room, dict[str, list[Viewer]]]:
    """After each of so many packets of `joins` one viewer of each kind and profile joins."""
    room = Room(index, source, loss)
    viewers: dict[str, list[Viewer]] = {kind: [] for kind in WIRES}

    def join() -> None:
        for kind, wires in WIRES.items():
            viewers[kind] += [room.join(wires, profile) for profile in BOTH_PROFILES]

    for number in range(PACKETS):
        room.line.at(number * SPACING, lambda number=number: room.publish(number))  # type: ignore[misc]
    for joined in joins:
        room.line.at(joined * SPACING, join)
    room.line.run()
    return room, viewers


def assert_numbers_fit(viewer: Viewer) -> None:
    """Numbers and places go on in step, and nothing was refused but what came again."""
    for (number, sequence), (later, after) in pairwise(sorted(viewer.got.items())):
        assert after - sequence & 0xFFFF == later - number
    assert viewer.refused <= viewer.stats.retransmissions


@pytest.mark.parametrize(
    ("index", "source"), [*((start, 0xFE00) for start in STARTS), (0xFC00, 0), (0xFFF0, 0xFFFF)]
)
def test_nearly_all_arrives_of_what_the_room_has(index: int, source: int) -> None:
    wrap_at = -index & 0xFFFF
    joins = sorted(
        {0, 400, *(wrap_at - before for before in (1, 30, WRAP_GUARD, 200) if 0 < wrap_at < PACKETS)}
    )
    room, viewers = play(index, source, 0.05, [join for join in joins if join >= 0])
    taken = set(room.taken)
    for kind, all_of_kind in viewers.items():
        for viewer in all_of_kind:
            assert_numbers_fit(viewer)
            wanted = {number for number in taken if number >= viewer.first + 2 * WRAP_GUARD}
            arrived = len(wanted.intersection(viewer.got)) / len(wanted)
            if kind == "helpless":
                assert 0.9 < arrived < 0.99
            else:
                assert arrived > 0.995


@settings(max_examples=25, deadline=None)
@given(
    st.one_of(st.integers(0, 0xFFFF), st.integers(0xFFFF - PACKETS, 0xFFFF)),
    st.one_of(st.integers(0, 0xFFFF), st.integers(0xFFFF - PACKETS, 0xFFFF)),
    st.sampled_from([0.0, 0.01, 0.2]),
    st.lists(st.integers(0, PACKETS - 500), max_size=3),
)
def test_whatever_is_lost_numbers_fit(index: int, source: int, loss: float, joins: list[int]) -> None:
    room, viewers = play(index, source, loss, joins)
    for viewer in chain.from_iterable(viewers.values()):
        assert_numbers_fit(viewer)
        if loss == 0.0:
            assert set(viewer.got) >= {n for n in room.taken if n > viewer.first + 2 * WRAP_GUARD}
