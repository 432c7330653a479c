"""The switch: no index serves two packets, whatever publishers send and whenever viewers join."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from media.rtp.rtcp import nack
from media.rtp.sequence import REORDER_PACKETS, WRAP_GUARD
from media.rtp.srtp import Profile
from media.switch.wire import Wire
from tests.support.far_end import BOTH_PROFILES
from tests.support.once_world import OnceWorld
from tests.support.published import AUDIO, VIDEO
from tests.support.world import SSRCS

pytestmark = pytest.mark.usefixtures("each_sender")

_SOUNDS = (
    (Wire(96, {}), Wire(111, {})),
    (Wire(101, {}, nack=True, rtx=102), Wire(9, {}, nack=True)),
    (Wire(96, {}), Wire(111, {}, nack=True, rtx=112)),
)
# With the forms of their sound behind the tracks: first those of 111. With RTX sound is sent again as it is.
WIRES: Sequence[Sequence[Wire | None]] = (
    *(
        (
            *wires,
            *(() if wires[AUDIO].payload_type == 111 else (None, None)),
            *(replace(wires[AUDIO], payload_type=63, rtx=None, earlier=n) for n in (1, 2)),
        )
        for wires in _SOUNDS
    ),
    (Wire(96, {}, nack=True), None),
)
IN_ORDER = 3 * WRAP_GUARD
MOST_IN_BURST = 12
SHORT_OF_A_WRAP = 0x10000 - WRAP_GUARD

indexes = st.sampled_from((1, 0x7FFF, SHORT_OF_A_WRAP - 3, SHORT_OF_A_WRAP, 0xFFFD, (70_000 << 16) - 2))
joins = st.tuples(st.just("join"), st.sampled_from(BOTH_PROFILES), st.sampled_from(WIRES))
leaves = st.tuples(st.just("leave"), st.integers(0, 9))
reforms = st.tuples(st.just("reform"), st.integers(0, 9), st.integers(0, 2))
# A new source begins far enough from the wrap of its sequence number: were its first packets to come in
# another order over the wrap, nobody could know its rollover counter (RFC 3711 3.3.1).
FIRST_NUMBERS = (0, 5, 0x7FFF, 0x10000 - 2 * MOST_IN_BURST - 1)
successors = st.tuples(st.just("successor"), st.sampled_from(FIRST_NUMBERS))
impostors = st.tuples(st.just("impostor"))  # new keys, and the numbers of the publisher before
losses = st.tuples(
    st.just("lose"),
    st.integers(0, 9),
    st.sampled_from((VIDEO, AUDIO)),
    st.lists(st.one_of(st.integers(0, 40), st.sampled_from((-1, 1023, 1024, 2048, 0x7FFF))), max_size=6),
)


def bursts(steps: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[Any, ...]]:
    packet = st.tuples(st.sampled_from((VIDEO, AUDIO)), steps, st.integers(1, 3))
    return st.tuples(st.just("burst"), st.lists(packet, min_size=1, max_size=MOST_IN_BURST), st.booleans())


def sources(silences: st.SearchStrategy[float]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.tuples(
        st.just("source"), st.sampled_from((VIDEO, AUDIO)), st.sampled_from(FIRST_NUMBERS), silences
    )


def play(world: OnceWorld, actions: Sequence[tuple[Any, ...]]) -> None:
    for action in actions:
        match action:
            case ("join", profile, wires):
                world.join(wires, profile)
            case ("leave", number) if world.viewers:
                world.viewers[number % len(world.viewers)].leave()
            case ("lose", number, track, backs) if world.viewers:
                newest = world.feed.sent[track].history.next_index - 1
                lost = [newest - back & 0xFFFF for back in backs]
                world.viewers[number % len(world.viewers)].says(nack(1, SSRCS[track], lost))
            case ("reform", number, earlier) if world.viewers:
                world.reform(world.viewers[number % len(world.viewers)], earlier)
            case ("impostor",):
                world.replace_publisher()
            case ("successor", index):
                world.replace_publisher()
                for track in (VIDEO, AUDIO):
                    world.new_source(track, index, 2.0)
            case ("source", track, index, silence):
                world.new_source(track, index, silence)
            case ("burst", packets, reverse):
                made = [world.datagram(track, step) for track, step, _ in packets]
                copies = [copy for (_, _, n), copy in zip(packets, made, strict=True) for _ in range(n)]
                world.receive(*(copies[::-1] if reverse else copies))
                world.now += 0.02


WILD = st.one_of(
    st.just(1),
    st.integers(-40, 40),
    st.sampled_from((-REORDER_PACKETS, 1 - REORDER_PACKETS, 2 - REORDER_PACKETS, 0x7FFF, 0x7FF0, 40_000)),
)


@settings(max_examples=200, deadline=None)
@given(
    indexes,
    st.lists(
        st.one_of(
            joins,
            leaves,
            losses,
            reforms,
            bursts(WILD),
            bursts(WILD),
            sources(st.sampled_from((0.0, 2.0))),
            impostors,
        ),
        max_size=30,
    ),
)
@example(  # libsrtp loses count when a publisher jumps by half the range
    65469,
    [
        ("burst", [(VIDEO, -28, 1), (VIDEO, 32767, 1), (VIDEO, 17, 1)], False),
        ("join", Profile.AES128_CM_SHA1_80, WIRES[0]),
        ("burst", [(VIDEO, 24, 1), (VIDEO, 32767, 1), (VIDEO, -1, 1), (VIDEO, 32767, 1)], False),
    ],
)
def test_no_index_is_used_twice_whatever_a_publisher_sends(
    index: int, actions: list[tuple[Any, ...]]
) -> None:
    """Nor is a packet refused: publishers cannot bring the room to use one twice."""
    world = OnceWorld(index)
    play(world, [("join", profile, wires) for profile in BOTH_PROFILES for wires in WIRES])
    play(world, actions)
    assert not world.watch.twice
    for viewer in world.everyone:
        assert not viewer.viewer.sender.take_refused()
        datagrams = viewer.datagrams()
        # but for what it lost, the same bytes never leave twice
        assert len(datagrams) - len(set(datagrams)) <= viewer.stats.retransmissions


@settings(max_examples=100, deadline=None)
@given(
    indexes,
    st.lists(
        st.one_of(joins, bursts(st.sampled_from((1, 1, 1, 2, 0, -1, -7))), sources(st.just(2.0)), successors),
        max_size=40,
    ),
    st.integers(0, WRAP_GUARD // 3),
)
def test_a_viewer_reads_all_it_gets_whenever_it_joined_and_whatever_it_lost_first(
    index: int, actions: list[tuple[Any, ...]], lost: int
) -> None:
    world = OnceWorld(index)
    play(world, actions)
    for _ in range(IN_ORDER):
        world.burst(VIDEO, AUDIO)
    for viewer in world.viewers:
        packets = viewer.packets(viewer.datagrams()[lost:])
        for ssrc in SSRCS:
            places = [packet.sequence for packet in packets if packet.ssrc == ssrc]
            assert len(set(places)) == len(places)
            # in the end, when nothing is lost or reordered any more, numbers go on by one
            last = places[-IN_ORDER + WRAP_GUARD + lost :]
            assert all(b - a & 0xFFFF == 1 for a, b in pairwise(last))
            assert len(last) == IN_ORDER - WRAP_GUARD - lost or viewer.viewer.wires[SSRCS.index(ssrc)] is None
        payloads = [packet.payload[:4] for packet in packets]
        assert len(set(payloads)) == len(payloads)
