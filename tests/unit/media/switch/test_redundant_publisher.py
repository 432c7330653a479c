"""A publisher that sends redundant sound: all behind the intake get it as it is."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.rtp.packet import RtpPacket
from media.rtp.red import Earlier, build
from tests.support.far_end import rtp
from tests.support.far_publisher import SOURCES, FarPublisher
from tests.support.published import AUDIO, TICKS, sound, video
from tests.support.world import SSRCS, World

pytestmark = pytest.mark.usefixtures("each_sender")

OPUS, RED = 111, 63
TICK = TICKS[AUDIO]
PUBLISHED = (video("unknown"), sound(red=RED))


def made(number: int) -> bytes:
    return number.to_bytes(2) * 20


def redundant(number: int, count: int) -> bytes:
    """The packet of a number, with the `count` ones before it."""
    earlier = [Earlier((number - each) * TICK, made(each)) for each in range(max(number - count, 0), number)]
    return rtp(
        number,
        build(OPUS, made(number), earlier),
        payload_type=RED,
        timestamp=number * TICK,
        ssrc=SOURCES[AUDIO],
    )


def plain(number: int) -> bytes:
    return rtp(number, made(number), payload_type=OPUS, timestamp=number * TICK, ssrc=SOURCES[AUDIO])


def room(index: int = 1) -> World:
    return World(PUBLISHED, index=index, publisher=FarPublisher(PUBLISHED))


def relayed(world: World, *packets: bytes) -> list[RtpPacket]:
    """What a viewer gets for these."""
    viewer = world.join()
    for packet in packets:
        world.receive(world.publisher.protect(packet))
    return viewer.packets()


def test_viewers_get_each_packet_as_it_is_and_once() -> None:
    world = room()
    packets = relayed(world, *(redundant(number, 2) for number in range(1, 6)))
    assert [packet.payload for packet in packets] == [made(number) for number in range(1, 6)]
    assert {(packet.payload_type, packet.padding) for packet in packets} == {(OPUS, False)}
    assert world.feed.rx_recovered == world.feed.rx_late == 0


def test_what_is_lost_is_restored_from_the_next_packet() -> None:
    world = room()
    packets = relayed(world, *(redundant(number, 2) for number in (1, 2, 5, 6)))
    assert [packet.payload for packet in packets] == [made(number) for number in range(1, 7)]
    assert [packet.sequence for packet in packets] == [*range(1, 7)]
    steps = {(b.timestamp - a.timestamp) for a, b in pairwise(packets)}
    assert steps == {TICK}
    assert world.feed.rx_recovered == 2


def test_what_comes_late_after_it_was_restored_comes_once() -> None:
    world = room()
    packets = relayed(world, redundant(1, 1), redundant(3, 1), redundant(2, 1), redundant(4, 1))
    assert [packet.payload for packet in packets] == [made(number) for number in range(1, 5)]
    assert world.feed.rx_late == 1


def test_an_earlier_packet_that_has_come_is_not_taken_for_one_that_is_missing() -> None:
    """The one right before was too long for a block, so its sender left it out."""
    world = room()
    left_out = rtp(
        4,
        build(OPUS, made(4), [Earlier(2 * TICK, made(2))]),
        payload_type=RED,
        timestamp=4 * TICK,
        ssrc=SOURCES[1],
    )
    packets = relayed(world, redundant(1, 1), redundant(2, 1), left_out)
    assert [packet.payload for packet in packets] == [made(1), made(2), made(4)]


def test_padding_behind_it_is_none_of_it() -> None:
    padded = bytearray(redundant(1, 1) + b"\0\0\3")
    padded[0] |= 0x20
    world = room()
    assert [packet.payload for packet in relayed(world, bytes(padded))] == [made(1)]
    padded[-1] = 255  # longer than the packet
    assert not relayed(world, bytes(padded[:2]) + b"\0\2" + bytes(padded[4:]))
    assert (world.feed.rx_dropped, world.feed.fault) == (1, None)


def test_its_losses_are_told_to_it_as_they_were() -> None:
    world = room()
    relayed(world, *(redundant(number, 1) for number in (1, 2, 4, 5)))
    stats = world.feed.sources[AUDIO].stats
    assert stats is not None
    block = stats.take_block(world.now)
    assert block is not None
    assert block.packets_lost == 1


@pytest.mark.parametrize("payload", [b"", b"\xef", bytes.fromhex("ef0f03ff6f"), b"\x0d" + bytes(5)])
def test_what_is_no_redundant_sound_is_dropped_and_counted(payload: bytes) -> None:
    world = room()
    broken = rtp(2, payload, payload_type=RED, timestamp=2 * TICK, ssrc=SOURCES[AUDIO])
    packets = relayed(world, plain(1), broken, plain(3))
    assert [packet.payload for packet in packets] == [made(1), made(3)]
    assert world.feed.rx_dropped == 1
    assert world.feed.fault is None


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from((1, 0x7FFF, 0xFFD0)),
    st.integers(0, 2),
    st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60),
    st.integers(),
)
def test_every_packet_that_is_restored_is_the_original(
    index: int, count: int, packets: list[tuple[bool, bool]], seed: int
) -> None:
    """Each packet may be lost, and may come plain; some overtake others."""
    world = room(index)
    viewer = world.join()
    coming = [
        (redundant if is_red else lambda number, _: plain(number))(number, count)
        for number, (is_lost, is_red) in enumerate(packets, 1)
        if not is_lost
    ]
    chance = random.Random(seed)
    for place in range(len(coming) - 1):
        if chance.random() < 0.1:
            coming[place : place + 2] = coming[place : place + 2][::-1]
    for packet in coming:
        world.receive(world.publisher.protect(packet))
    got = [packet for packet in viewer.packets() if packet.ssrc == SSRCS[AUDIO]]
    assert len({packet.sequence for packet in got}) == len(got)
    if not got:
        return
    first = int.from_bytes(got[0].payload[:2])
    for packet in got:
        number = int.from_bytes(packet.payload[:2])
        assert packet.payload == made(number)
        assert packet.sequence - got[0].sequence & 0xFFFF == number - first & 0xFFFF
        assert packet.timestamp - got[0].timestamp & 0xFFFFFFFF == (number - first) * TICK & 0xFFFFFFFF
