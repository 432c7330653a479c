"""Receivers that estimate what their line carries are told when each packet was sent (abs-send-time)."""

import pytest

from media.rtp.extensions import send_time
from media.rtp.packet import RtpPacket
from media.rtp.srtp import Profile
from media.switch.wire import Wire
from tests.support.far_end import BOTH_PROFILES, one_byte, two_byte
from tests.support.far_viewer import is_patched
from tests.support.layers_world import KEYFRAMES, SOUND, ChangingViewer, LayersWorld
from tests.support.world import World

pytestmark = pytest.mark.usefixtures("each_sender")

SENT_AT = 4
OTHER_OF_ROOM, OTHER = 7, 2  # another extension: the room's id, and the viewer's


def stamp(packet: RtpPacket) -> bytes | None:
    stamps = [value for number, value in packet.extensions if number == SENT_AT]
    assert len(stamps) <= 1
    return stamps[0] if stamps else None


@pytest.mark.parametrize("profile", BOTH_PROFILES)
def test_all_packets_of_a_burst_say_when_it_was_sent(profile: Profile) -> None:
    world = LayersWorld()
    world.picture(0, keyframe=True)
    viewer = ChangingViewer(world, 0, profile, sent_at=SENT_AT)
    for at in (100.0, 100.04, 163.99, 164.01):
        world.now = at
        world.picture(0, packets=5)
        assert [stamp(packet) for packet in viewer.pictures()] == [send_time(at)] * 5


def test_the_sound_says_nothing_of_the_time() -> None:
    """Browsers judge by pictures only."""
    world = LayersWorld()
    viewer = ChangingViewer(world, sent_at=SENT_AT)
    world.media(SOUND, timestamp=960)
    assert [packet.extensions for packet in viewer.far.packets()] == [()]


@pytest.mark.parametrize("form", [one_byte, two_byte])
def test_what_the_publisher_says_is_kept_beside_it(form: type) -> None:
    world = World()
    viewer = world.join([Wire(96, {OTHER_OF_ROOM: OTHER}, nack=True, rtx=97, sent_at=SENT_AT), None])
    extension = form((OTHER_OF_ROOM, b"ab"), (9, b"x"))
    world.receive(world.publisher.packet(0, extension=extension))
    world.receive(world.publisher.packet(0))
    first, second = viewer.packets()
    assert dict(first.extensions) == {OTHER: b"ab", SENT_AT: send_time(world.now)}
    assert dict(second.extensions) == {SENT_AT: send_time(world.now)}
    at = world.now
    world.now += 0.1
    (again,) = viewer.packets(viewer.loses(world.feed.ssrcs[0], first.sequence))
    assert dict(again.extensions) == {OTHER: b"ab", SENT_AT: send_time(world.now)}
    assert send_time(world.now) != send_time(at)


@pytest.mark.parametrize("profile", BOTH_PROFILES)
def test_what_is_sent_after_a_change_says_it_too(profile: Profile) -> None:
    world = LayersWorld(thinned=True)
    world.picture(1, keyframe=True)
    world.now += 5.0  # each has a time of its own
    for layer in (0, 2):
        world.picture(layer, keyframe=True)
    viewer = ChangingViewer(world, 0, profile, sent_at=SENT_AT)
    viewer.aim(1)
    world.now = 50.0
    world.picture(1, keyframe=True, packets=3)  # held until the burst is over
    world.now = 50.1
    world.picture(1)
    assert is_patched(viewer.far.viewer)
    got = [stamp(packet) for packet in viewer.pictures()]
    assert got == [send_time(50.0)] * 3 + [send_time(50.1)] * 2
    viewer.aim(KEYFRAMES)
    viewer.change.set_pace(1e6, 0.0)
    world.now = 51.0
    world.picture(2, keyframe=True, packets=2)
    world.now = 51.02
    viewer.step()
    paced = [stamp(packet) for packet in viewer.pictures()]
    assert paced
    assert set(paced) == {send_time(51.02)}  # when it goes out, and not when it came
