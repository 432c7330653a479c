"""The real switch and viewers over bad lines: each reads all it gets, and gets nearly all, whatever wraps.

A publisher sends over a line that loses and reorders; packets lost there are lost to all. Viewers join at any
time, over lines of their own, and ask for what is missing there. Their ends are libsrtp's.
"""

from collections.abc import Callable, Sequence
from itertools import chain, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.rtp.libsrtp import SrtpError
from media.rtp.rtcp import nack
from media.rtp.rtx import unwrap
from media.rtp.sequence import WRAP_GUARD
from media.rtp.srtp import Profile
from media.switch.wire import Wire
from media.tracks.nack_generator import NackGenerator
from tests.support.far_end import BOTH_PROFILES
from tests.support.far_viewer import FarViewer
from tests.support.published import VIDEO
from tests.support.simulated_line import Line
from tests.support.world import RTX_SSRCS, SSRCS, World

STARTS = [1, 0x7FFF, 0x8000, 60_000, 0xFC00, 0xFFFF - WRAP_GUARD - 1, 0xFFFF - WRAP_GUARD, 0xFFF0, 0xFFFF]
PACKETS = 1500
SPACING = 0.004
WIRES = {
    "plain": (Wire(96, {}, nack=True), None),
    "rtx": (Wire(96, {}, nack=True, rtx=97), None),
    "helpless": (Wire(96, {}), None),
}


class LineWorld(World):
    """A room behind a bad line, whose publisher's first sequence number is `source`."""

    def __init__(self, index: int, source: int, loss: float) -> None:
        self.line = Line(seed=index ^ source, loss=loss)
        self.taken: list[int] = []  # numbers of the packets that the switch got
        self._source = source
        super().__init__(index=index, clock=self.line)

    def publish(self, number: int) -> None:
        packet = self.publisher.packet(VIDEO, number.to_bytes(4), sequence=self._source + number, timestamp=0)

        def arrive() -> None:
            self.taken.append(number)
            self.receive(packet)

        self.line.send(arrive)


class LineNacks:
    """Asks for what it misses of `ssrc`, by NACKs over the line; `deliver` is where they arrive."""

    def __init__(self, line: Line, ssrc: int, deliver: Callable[[bytes], None]) -> None:
        self._line = line
        self._ssrc = ssrc
        self._deliver = deliver
        self._generator = NackGenerator()
        self._waking: float | None = None

    def received(self, sequence: int) -> None:
        self._generator.received(sequence, self._line.now)
        self._set_alarm()

    def _set_alarm(self) -> None:
        due = self._generator.next_due()
        if due is not None and (self._waking is None or due < self._waking):
            self._waking = due
            self._line.at(max(due, self._line.now), lambda: self._wake(due))

    def _wake(self, due: float) -> None:
        if due != self._waking:
            return  # an earlier alarm has taken this one's place
        self._waking = None
        if missing := self._generator.due(self._line.now):
            compound = nack(1, self._ssrc, missing)
            self._line.send(lambda: self._deliver(compound))
        self._set_alarm()


class LineViewer(FarViewer):
    """Behind a line that shares the room's clock. `got` is what it read: packets' numbers, and their places.

    `refused` are datagrams that libsrtp would not have: copies of what had come.
    """

    def __init__(self, world: LineWorld, wires: Sequence[Wire | None], profile: Profile) -> None:
        self._line = world.line
        asks = wires[VIDEO] is not None and wires[VIDEO].nack
        self._nacks = LineNacks(world.line, SSRCS[VIDEO], self.says) if asks else None
        self.got: dict[int, int] = {}
        self.refused = 0
        self.first = world.taken[-1] + 1 if world.taken else 0
        super().__init__(world, wires, profile)

    def receive(self, datagram: bytes) -> None:
        self._line.send(lambda: self._read(datagram))

    def _read(self, datagram: bytes) -> None:
        try:
            (packet,) = self.packets([datagram])
        except SrtpError:
            self.refused += 1
            return
        if packet.ssrc == RTX_SSRCS[VIDEO]:
            packet = unwrap(packet, 96, SSRCS[VIDEO])
        assert packet.ssrc == SSRCS[VIDEO]
        number = int.from_bytes(packet.payload)
        assert self.got.setdefault(number, packet.sequence) == packet.sequence
        if self._nacks is not None:
            self._nacks.received(packet.sequence)


def play(
    index: int, source: int, loss: float, joins: Sequence[int]
) -> tuple[LineWorld, dict[str, list[LineViewer]]]:
    """With the packets that `joins` names, one viewer of each kind and profile joins."""
    world = LineWorld(index, source, loss)
    viewers: dict[str, list[LineViewer]] = {kind: [] for kind in WIRES}

    def join() -> None:
        for kind, wires in WIRES.items():
            viewers[kind] += [LineViewer(world, wires, profile) for profile in BOTH_PROFILES]

    for number in range(PACKETS):
        world.line.at(number * SPACING, lambda number=number: world.publish(number))  # type: ignore[misc]
    for joined in joins:
        world.line.at(joined * SPACING, join)
    world.line.run()
    return world, viewers


def assert_numbers_fit(viewer: LineViewer) -> None:
    """Numbers and places advance in step, and only retransmissions were refused."""
    for (number, sequence), (later, after) in pairwise(sorted(viewer.got.items())):
        assert after - sequence & 0xFFFF == later - number
    assert viewer.refused <= viewer.stats.retransmissions


@pytest.mark.parametrize(
    ("index", "source"), [*((start, 0xFE00) for start in STARTS), (0xFC00, 0), (0xFFF0, 0xFFFF)]
)
def test_nearly_all_that_the_room_has_arrives(index: int, source: int) -> None:
    wrap_at = -index & 0xFFFF
    joins = sorted(
        {0, 400, *(wrap_at - before for before in (1, 30, WRAP_GUARD, 200) if 0 < wrap_at < PACKETS)}
    )
    world, viewers = play(index, source, 0.05, [join for join in joins if join >= 0])
    taken = set(world.taken)
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
def test_numbers_fit_whatever_is_lost(index: int, source: int, loss: float, joins: list[int]) -> None:
    world, viewers = play(index, source, loss, joins)
    for viewer in chain.from_iterable(viewers.values()):
        assert_numbers_fit(viewer)
        if loss == 0.0:
            assert set(viewer.got) >= {n for n in world.taken if n > viewer.first + 2 * WRAP_GUARD}
