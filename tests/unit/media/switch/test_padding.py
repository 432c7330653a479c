"""Padding among a viewer's retransmissions: bounded, and under numbers of their own."""

from dataclasses import replace

import pytest

from media.rtp.extensions import send_time
from media.rtp.rtx import PADDING_BYTES, RtxError, unwrap
from media.rtp.run import MOST_PACKETS
from media.rtp.srtp import Profile
from media.switch.padding import can_number, can_pad, pad, send_train
from tests.support.far_end import BOTH_PROFILES
from tests.support.layers_world import PICTURE, PICTURE_RTX, ChangingViewer, LayersWorld, wires
from tests.support.nonce_watch import NonceWatch

pytestmark = pytest.mark.usefixtures("each_sender")


@pytest.fixture
def world() -> LayersWorld:
    world = LayersWorld()
    world.keyframes()
    return world


@pytest.mark.parametrize("profile", BOTH_PROFILES)
def test_it_is_nothing_but_padding_in_the_stream_of_retransmissions(
    world: LayersWorld, profile: Profile
) -> None:
    viewer = ChangingViewer(world, 0, profile)
    assert can_pad(viewer.far.viewer)
    octets = 3 * PADDING_BYTES + PADDING_BYTES - 1
    assert pad(viewer.far.viewer, octets, world.now) == 3 * PADDING_BYTES
    packets = viewer.far.packets()
    assert len(packets) == 3
    for packet in packets:
        assert packet.padding
        assert (packet.ssrc, packet.payload_type) == (PICTURE_RTX, 101)
        assert packet.payload[-1] == len(packet.payload) == PADDING_BYTES
        with pytest.raises(RtxError):
            unwrap(packet, 100, PICTURE)


@pytest.mark.parametrize("octets", [1.0, 64.0, PADDING_BYTES - 0.1])
def test_less_than_a_whole_packet_is_one_smaller_packet(world: LayersWorld, octets: float) -> None:
    viewer = ChangingViewer(world)
    assert pad(viewer.far.viewer, octets, world.now) == int(octets)
    (packet,) = viewer.far.packets()
    assert packet.payload == bytes(int(octets) - 1) + bytes((int(octets),))


@pytest.mark.parametrize("octets", [-5.0, 0.0, 0.9])
def test_less_than_an_octet_is_nothing(world: LayersWorld, octets: float) -> None:
    viewer = ChangingViewer(world)
    assert pad(viewer.far.viewer, octets, world.now) == 0
    assert viewer.far.datagrams() == []


def test_it_is_one_send_at_most(world: LayersWorld) -> None:
    viewer = ChangingViewer(world)
    assert pad(viewer.far.viewer, 1e9, world.now) == MOST_PACKETS * PADDING_BYTES
    assert len(viewer.far.packets()) == MOST_PACKETS


def test_without_such_a_stream_there_is_none(world: LayersWorld) -> None:
    viewer = ChangingViewer(world, rtx=False)
    assert not can_pad(viewer.far.viewer)
    assert pad(viewer.far.viewer, 1e9, world.now) == 0


def test_it_tells_when_it_was_sent_where_some_stream_of_the_viewer_can(world: LayersWorld) -> None:
    picture, *_, sound = wires(rtx=True, sent_at=3)
    assert picture is not None
    assert sound is not None
    viewer = world.join([sound_first := replace(picture, sent_at=None, ssrc=None), None, None, picture])
    assert sound_first.rtx is not None
    pad(viewer.viewer, 100, world.now)
    [packet] = viewer.packets()
    assert dict(packet.extensions) == {3: send_time(world.now)}


@pytest.mark.parametrize("profile", BOTH_PROFILES)
@pytest.mark.parametrize("sent_at", [None, 3])
def test_a_train_is_padding_with_numbers_of_its_own(
    world: LayersWorld, profile: Profile, sent_at: int | None
) -> None:
    viewer = ChangingViewer(world, 0, profile, sent_at=sent_at, number=5)
    assert can_number(viewer.far.viewer)
    viewer.far.packets()  # the train before its first picture
    pad(viewer.far.viewer, 100, world.now)
    assert send_train(viewer.far.viewer, 0xFFFE, 4, 50, world.now) == 200
    without, *train = viewer.far.packets()
    assert 5 not in dict(without.extensions)
    assert [int.from_bytes(dict(packet.extensions)[5]) for packet in train] == [0xFFFE, 0xFFFF, 0, 1]
    assert {packet.ssrc for packet in train} == {PICTURE_RTX}
    assert {len(packet.payload) for packet in train} == {50}
    assert {sent_at in dict(packet.extensions) for packet in train} == {sent_at is not None}


def test_who_does_not_tell_of_numbers_gets_none(world: LayersWorld) -> None:
    assert not can_number(ChangingViewer(world).far.viewer)
    viewer = ChangingViewer(world, rtx=False, number=5)
    assert not can_number(viewer.far.viewer)
    assert send_train(viewer.far.viewer, 0, 4, 50, world.now) == 0


@pytest.mark.parametrize("profile", BOTH_PROFILES)
def test_retransmissions_among_it_share_its_numbers_also_after_a_change(
    world: LayersWorld, profile: Profile
) -> None:
    watch = NonceWatch()
    viewer = ChangingViewer(world, 0, profile, watch=watch)
    numbers = []
    for layer in (1, 2, None, 0):
        viewer.aim(layer)
        world.now += 0.04
        if layer is not None:
            world.picture(layer, keyframe=True)
        got = viewer.pictures()
        pad(viewer.far.viewer, 600, world.now)
        datagrams = viewer.far.loses(PICTURE, got[-1].sequence) if got else viewer.far.datagrams()
        numbers += [packet.sequence for packet in viewer.far.packets(datagrams)]
    assert numbers == list(range(1, 1 + len(numbers)))
    assert watch.twice == []
    assert viewer.far.stats.srtp_refused == 0
