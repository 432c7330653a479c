"""A publisher that goes and comes back, as its viewers see it."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.comebacks import (
    GRACE,
    H264,
    H264_LINES,
    OPUS,
    comes_back,
    left,
    sees,
)
from tests.support.peer import IN_TIME, Peer
from tests.support.plane import Plane, running_plane
from tests.support.waiting import eventually


@pytest.fixture
async def plane(redis_url: str) -> AsyncIterator[Plane]:
    async with running_plane(redis_url, GRACE) as plane:
        yield plane


async def test_only_viewers_that_cannot_take_the_new_codec_are_closed(plane: Plane) -> None:
    publisher, viewer = await plane.pair()
    listener = Peer(publishes=False, picture=())
    plane.peers.append(listener)
    await plane.connect(listener, await plane.ask(listener, publishes=False))
    await left(plane, publisher)
    successor = await comes_back(plane, picture=H264_LINES, sound=("a=rtpmap:111 opus/48000/2",))
    await eventually("it is told", lambda: viewer.closed, IN_TIME)
    assert plane.subscribers == 1
    assert plane.media.rooms.statuses()[0].codecs == ("opus", "H264")

    def heard() -> bool:
        successor.send_packet(OPUS, b"new sound")
        return any(packet.endswith(b"new sound") for packet in listener.rtp)

    await eventually("the sound goes on", heard, IN_TIME)
    again = Peer(publishes=False, picture=H264_LINES)
    plane.peers.append(again)
    await plane.connect(again, await plane.ask(again, publishes=False))

    def seen() -> bool:
        successor.send_packet(H264, b"\x65 a keyframe")
        return any(packet.endswith(b"\x65 a keyframe") for packet in again.rtp)

    await eventually("the picture comes", seen, IN_TIME)


async def test_sound_alone_may_take_over_and_the_picture_come_again(plane: Plane) -> None:
    publisher, viewer = await plane.pair()
    await left(plane, publisher)
    successor = await comes_back(
        plane, picture=(), sound=("a=rtpmap:8 PCMA/8000", "a=rtpmap:111 opus/48000/2")
    )
    await eventually("PCMA is not what the viewer takes", lambda: viewer.closed, IN_TIME)
    await left(plane, successor)
    assert plane.subscribers == 0
    sounding = await comes_back(plane, picture=(), sound=("a=rtpmap:111 opus/48000/2",))
    viewer = await plane.connected(publishes=False)
    assert plane.room.tracks[1].published.codec.feedback == frozenset()  # of a picture that nobody sends
    await left(plane, sounding)
    await sees(viewer, await comes_back(plane))


async def test_viewers_of_sound_come_anew_for_a_picture(plane: Plane) -> None:
    publisher = Peer(publishes=True, picture=())
    plane.peers.append(publisher)
    await plane.connect(publisher, await plane.ask(publisher, publishes=True))
    viewer = await plane.connected(publishes=False)
    await left(plane, publisher)
    successor = await comes_back(plane)
    await eventually("it is told", lambda: viewer.closed, IN_TIME)
    await sees(await plane.connected(publishes=False), successor)
