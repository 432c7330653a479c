"""A bug that one room's packets trigger touches no other room: its packets of the same batch go out."""

from collections.abc import Callable
from typing import Any

import pytest

from media.rtp.rtcp import receiver_report
from media.rtp.srtp_receiver import SrtpReceiver
from media.switch import intake
from media.tracks.keyframe_gate import KeyframeGate
from tests.support.far_viewer import FarViewer
from tests.support.published import VIDEO
from tests.support.runs import JoinedBytes
from tests.support.world import World


class BrokenGate(KeyframeGate):
    def lets_pass(self, payload: bytes, now: float) -> bool:
        raise ZeroDivisionError


class BrokenTap:
    def take(self, run: object) -> None:
        raise ZeroDivisionError


def break_packet(world: World) -> None:
    gate = world.feed.sources[VIDEO].gate = BrokenGate("VP8")
    gate.close()


def break_burst(world: World) -> None:
    world.feed.tap = BrokenTap()


@pytest.mark.parametrize("spoil", [break_packet, break_burst])
def test_the_broken_room_stops_and_the_other_one_does_not(spoil: Callable[[World], None]) -> None:
    broken = World()
    whole = World(beside=broken)
    viewers = broken.join(), whole.join()

    def received() -> list[int]:
        """How many packets each viewer gets of a batch with one of each publisher."""
        batch = [(world.feed, [world.publisher.packet(VIDEO)]) for world in (broken, whole)]
        broken.switch.receive(batch, broken.now)
        return [packets_of(viewer) for viewer in viewers]

    assert received() == [1, 1]
    spoil(broken)
    assert received()[1] == 1
    assert isinstance(broken.feed.fault, ZeroDivisionError)
    assert whole.feed.fault is None
    assert received() == [0, 1]


def packets_of(viewer: FarViewer) -> int:
    packets = viewer.packets()
    assert all(packet.payload == b"media" for packet in packets)
    return len(packets)


def test_a_bug_behind_the_last_packet_stops_the_room_too(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    monkeypatch.setattr(intake, "_add_gathered", lambda _, begins, *rest: begins and 1 / 0)
    world.media(VIDEO)
    assert isinstance(world.feed.fault, ZeroDivisionError)
    assert world.feed.srtp is None


def test_a_bug_that_rtcp_triggers_stops_the_room_too(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    monkeypatch.setattr(SrtpReceiver, "unprotect_rtcp", lambda *_: 1 / 0)
    world.receive(world.publisher.protect_rtcp(receiver_report(1, [])))
    assert isinstance(world.feed.fault, ZeroDivisionError)


@pytest.mark.parametrize("came", [list, JoinedBytes])
def test_a_bug_that_a_whole_burst_triggers_stops_the_room_too(
    came: Callable[[list[bytes]], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    monkeypatch.setattr(intake, "_take_run", lambda *_: 1 / 0)
    packets = [world.publisher.packet(VIDEO), world.publisher.packet(VIDEO)]
    world.switch.receive([(world.feed, came(packets))], world.now)
    assert isinstance(world.feed.fault, ZeroDivisionError)
