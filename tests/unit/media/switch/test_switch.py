"""The switch: whose packets it takes, and who gets them."""

import os
from types import SimpleNamespace
from typing import Any

import pytest

from media.counts import TcpStats
from media.rtp.packet import RtpPacket, parse
from media.rtp.srtp import Profile, SrtpKeys, outbound_session
from media.switch.switch import PacketSwitch
from media.switch.wire import Wire
from media.transport.address import Address
from media.transport.tcp_backlog import TcpBacklog
from tests.support.far_end import BOTH_PROFILES, new_keys, rtp
from tests.support.far_publisher import FarPublisher
from tests.support.far_viewer import PLAIN
from tests.support.once_world import OnceWorld
from tests.support.published import AUDIO, VIDEO
from tests.support.world import SSRCS, WITHOUT_KEYFRAMES, World

pytestmark = pytest.mark.usefixtures("each_sender")

REPORT = bytes.fromhex("80c9000100000001")  # a receiver report of no block


def numbers(packets: list[RtpPacket]) -> list[int]:
    return [packet.sequence for packet in packets]


# --- whose packets are taken


def test_packets_of_each_track_arrive_as_its_own() -> None:
    world = OnceWorld()
    viewer = world.join()
    world.burst(VIDEO, VIDEO, AUDIO, VIDEO)
    plain = viewer.plain()
    assert [(p.ssrc, p.payload_type, p.sequence) for p in map(parse, plain)] == [
        (SSRCS[VIDEO], 96, 1),
        (SSRCS[VIDEO], 96, 2),
        (SSRCS[AUDIO], 111, 1),
        (SSRCS[VIDEO], 96, 3),
    ]
    assert (world.feed.rx_packets, world.feed.rx_dropped) == (4, 0)
    assert world.feed.rx_bytes == sum(map(len, plain))


@pytest.mark.parametrize("size", [1, 63, 64, 65, 128, 200])
def test_a_burst_of_any_length_arrives_whole(size: int) -> None:
    world = OnceWorld()
    viewers = [world.join(profile=profile) for profile in BOTH_PROFILES]
    world.burst(*[VIDEO] * size)
    for viewer in viewers:
        assert numbers(viewer.packets()) == list(range(1, size + 1))


def test_forged_replayed_short_and_foreign_datagrams_are_dropped() -> None:
    world = OnceWorld()
    viewer = world.join()
    good = world.datagram(VIDEO)
    forged = good[:-1] + bytes((good[-1] ^ 1,))
    other_type = world.publisher.protect(rtp(1, payload_type=100, ssrc=9), 1)
    world.receive(b"", bytes(11), b"\x80", forged, good, good, other_type, good[:12], rtp(1))
    assert len(viewer.packets()) == 1
    assert world.feed.rx_dropped == 5  # those below 12 bytes are not even looked at


def test_a_packet_with_a_broken_extension_is_dropped_and_the_rest_of_the_batch_is_not() -> None:
    world = World()
    viewer = world.join()
    broken = bytearray(world.publisher.packet(VIDEO, bytes(200), extension=(0xBEDE, bytes(8))))
    broken[14:16] = b"\xff\xff"
    world.receive(bytes(broken), world.publisher.packet(VIDEO))
    assert len(viewer.packets()) == 1


@pytest.mark.parametrize("size", [1400, 1500, 1501, 2048])
@pytest.mark.parametrize("profile", BOTH_PROFILES)
def test_long_datagrams_real_or_not_harm_nobody(size: int, profile: Profile) -> None:
    world = World(publisher=FarPublisher(WITHOUT_KEYFRAMES, profile=profile))
    viewers = [world.join(profile=each) for each in BOTH_PROFILES]
    tag = 16 if profile is Profile.AEAD_AES_128_GCM else 10
    datagrams = [b"\x80" + bytes((kind,)) + os.urandom(size - 2) for kind in (96, 200)]
    if size <= 1500:  # what pylibsrtp can make
        keys = world.publisher.keys
        far = outbound_session(SrtpKeys(profile, keys.remote, keys.local))
        datagrams.append(far.protect(rtp(1, os.urandom(size - 12 - tag), ssrc=1)))
    world.receive(*datagrams)
    assert all(len(viewer.datagrams()) == (size <= 1500) for viewer in viewers)


def test_rtcp_comes_back_decrypted_with_its_room() -> None:
    world = World()
    protected = world.publisher.protect_rtcp(REPORT)
    received = world.receive(protected, world.publisher.packet(VIDEO), protected)
    assert received.rtcp == [(world.feed, REPORT)]
    assert world.feed.rx_dropped == 1  # the second is a replay


def test_rooms_in_one_batch_do_not_mix() -> None:
    here = World()
    there = World(beside=here)
    mine, theirs = here.join(), there.join()
    first, third = (here.publisher.packet(track) for track in (VIDEO, AUDIO))
    second = there.publisher.packet(VIDEO)
    here.switch.receive([(here.feed, [first]), (there.feed, [second]), (here.feed, [third])], here.now)
    assert [packet.payload_type for packet in mine.packets()] == [96, 111]
    assert [packet.payload_type for packet in theirs.packets()] == [96]
    # a packet of one room under the keys of the other is nobody's
    here.receive(there.publisher.packet(VIDEO))
    assert here.feed.rx_dropped == 1


def test_what_a_standby_sends_goes_into_the_room_that_it_is_put_on_and_until_then_nowhere() -> None:
    room = World()
    beside = World(beside=room)
    viewer, nobody = room.join(), beside.join()
    rooms = iter((None, room.feed))
    standby: Any = SimpleNamespace(take=lambda _runs, _now: next(rooms))
    beside.feed.standby = standby
    for number in (0, 1):
        beside.media(VIDEO)
        assert (len(viewer.packets()), room.feed.rx_packets) == (number, number)
    assert beside.feed.rx_packets == 2
    assert not nobody.packets()


# --- viewers


def test_profiles_end_with_their_last_viewer() -> None:
    world = World()
    forms = (PLAIN, (Wire(101, {}, nack=True, rtx=102), Wire(9, {}, nack=True)), (Wire(96, {}), None))
    viewers = [world.join(wires) for wires in forms * 2]
    assert [len(profiles) for profiles in world.feed.profiles] == [2, 2]  # of both tracks
    for viewer in viewers:
        viewer.leave()
    assert not any(world.feed.profiles)
    assert not world.feed.viewers
    world.burst(VIDEO)
    assert not any(viewer.inbox for viewer in viewers)


def test_a_silent_track_does_not_keep_a_viewer_from_runs() -> None:
    runs: list[int] = []
    world = World()
    switch = PacketSwitch(lambda _: lambda run, size, _: runs.append(len(run) // size))
    switch.add_viewer(world.feed, new_keys(), PLAIN, ("192.0.2.1", 1), now=world.now)
    packets = [world.publisher.packet(VIDEO, bytes(100)) for _ in range(10)]
    switch.receive([(world.feed, packets)], world.now)
    assert runs == [10]


def test_a_viewer_that_moves_gets_what_follows_at_its_new_address_and_waits_in_that_backlog() -> None:
    world = World()
    backlogs = {
        ("192.0.2.1", 1): TcpBacklog(TcpStats()),
        ("192.0.2.1", 2): TcpBacklog(TcpStats()),
        ("192.0.2.1", 3): None,
    }
    got: list[Address] = []
    switch = PacketSwitch(
        lambda _: lambda _run, _size, address: got.append(address), backlog_to=backlogs.__getitem__
    )
    first, *others = backlogs
    viewer = switch.add_viewer(world.feed, new_keys(), PLAIN, first, now=world.now)
    assert viewer.backlog is backlogs[first]
    for address in others:
        switch.move_viewer(viewer, address)
        assert viewer.backlog is backlogs[address]
        switch.receive([(world.feed, [world.publisher.packet(VIDEO)])], world.now)
    assert got == others
