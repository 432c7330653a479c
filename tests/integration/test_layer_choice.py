"""What a viewer asks of the picture, as its worker takes it."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from media.sessions.viewer_session import ViewerSession
from shared.errors import ErrorCode, ServiceError
from shared.messages.sessions import FindSessions
from shared.messages.signalling import ChooseLayer, LayerChosen
from tests.support.peer import Peer
from tests.support.plane import ROOM, Plane, running_plane


@pytest.fixture
async def plane(redis_url: str) -> AsyncIterator[Plane]:
    async with running_plane(redis_url) as plane:
        yield plane


def name_picture(plane: Plane, rid: str) -> None:
    """Let the room's picture have been published under this rid."""
    [picture] = [track for track in plane.room.tracks if track.published.kind == "video"]
    picture.published = replace(picture.published, rid=rid)


async def choose(plane: Plane, peer: Peer, rid: str | None = None, *, picture: bool = True) -> ViewerSession:
    message = ChooseLayer(session=plane.answers[id(peer)].session, room=ROOM, rid=rid, picture=picture)
    assert await plane.handlers.choose_layer(message) == LayerChosen()
    session = plane.session(peer)
    assert isinstance(session, ViewerSession)
    return session


async def test_a_viewer_wants_the_best_picture_until_it_says_otherwise(plane: Plane) -> None:
    await plane.ask(plane.peer(publishes=True), publishes=True)
    name_picture(plane, "h")
    viewer = plane.peer(publishes=False)
    await plane.ask(viewer, publishes=False)
    session = plane.session(viewer)
    assert isinstance(session, ViewerSession)
    assert (session.chosen, session.wants_picture) == (None, True)
    assert (await choose(plane, viewer, "h")).chosen == "h"
    assert not (await choose(plane, viewer, picture=False)).wants_picture
    session = await choose(plane, viewer)
    assert (session.chosen, session.wants_picture) == (None, True)


async def test_a_layer_that_the_publisher_does_not_send_is_refused(plane: Plane) -> None:
    await plane.ask(plane.peer(publishes=True), publishes=True)
    name_picture(plane, "h")
    viewer = plane.peer(publishes=False)
    await plane.ask(viewer, publishes=False)
    await choose(plane, viewer, "h")
    with pytest.raises(ServiceError) as refused:
        await choose(plane, viewer, "f")
    assert refused.value.code is ErrorCode.INVALID_LAYER
    assert (await choose(plane, viewer, "h")).chosen == "h"


async def test_a_publisher_has_nothing_to_choose(plane: Plane) -> None:
    publisher = plane.peer(publishes=True)
    await plane.ask(publisher, publishes=True)
    with pytest.raises(ServiceError) as refused:
        await choose(plane, publisher)
    assert refused.value.code is ErrorCode.SESSION_NOT_FOUND


async def test_the_worker_knows_in_which_section_a_viewer_gets_the_picture(plane: Plane) -> None:
    publisher, viewer = plane.peer(publishes=True), plane.peer(publishes=False)
    sessions = tuple(
        [(await plane.ask(peer, publishes=peer is publisher)).session for peer in (publisher, viewer)]
    )
    kinds = [line[2:7] for line in viewer.offer().splitlines() if line.startswith("m=")]
    living = await plane.handlers.find_sessions(FindSessions(sessions=sessions))
    assert living.sessions == sessions
    assert living.pictures == {sessions[1]: kinds.index("video")}
