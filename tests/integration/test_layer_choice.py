"""What a viewer asks of the picture, as its worker takes it."""

from dataclasses import replace
from typing import Any

import pytest

from media.sessions.viewer_session import ViewerSession
from shared.errors import ErrorCode, ServiceError
from shared.messages.sessions import FindSessions
from shared.messages.signalling import ChooseLayer, LayerChosen
from tests.support.peer import Peer
from tests.support.plane import ROOM, Plane


def name_picture(plane: Plane, rid: str) -> None:
    """Let the room's picture have been published under this rid."""
    [picture] = [track for track in plane.room.tracks if track.published.kind == "video"]
    picture.published = replace(picture.published, rid=rid)


@pytest.fixture
async def viewer(plane: Plane) -> Peer:
    """One that has got an answer, in a room whose picture has no layers."""
    await plane.ask(plane.peer(publishes=True), publishes=True)
    viewer = plane.peer(publishes=False)
    await plane.ask(viewer, publishes=False)
    return viewer


async def choose(
    plane: Plane, peer: Peer, rid: str | None = None, *, picture: bool = True, **limits: Any
) -> ViewerSession:
    session_id = plane.answers[id(peer)].session
    message = ChooseLayer(session=session_id, room=ROOM, rid=rid, picture=picture, **limits)
    assert await plane.handlers.choose_layer(message) == LayerChosen()
    session = plane.session(peer)
    assert isinstance(session, ViewerSession)
    return session


async def test_a_viewer_wants_the_best_picture_until_it_says_otherwise(plane: Plane, viewer: Peer) -> None:
    name_picture(plane, "h")
    session = plane.session(viewer)
    assert isinstance(session, ViewerSession)
    assert (session.chosen, session.wants_picture) == (None, True)
    assert (await choose(plane, viewer, "h")).chosen == "h"
    assert not (await choose(plane, viewer, picture=False)).wants_picture
    session = await choose(plane, viewer)
    assert (session.chosen, session.wants_picture) == (None, True)


async def test_a_layer_that_the_publisher_does_not_send_is_refused(plane: Plane, viewer: Peer) -> None:
    name_picture(plane, "h")
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


async def test_the_only_layer_is_refused_where_it_is_too_large(plane: Plane, viewer: Peer) -> None:
    assert (await choose(plane, viewer, max_width=320)).most == (320, 0)  # no size is known yet
    [picture] = [track for track in plane.room.tracks if track.published.kind == "video"]
    picture.sent.size = (640, 360)
    assert (await choose(plane, viewer, max_width=640, max_height=360)).most == (640, 360)
    with pytest.raises(ServiceError) as refused:
        await choose(plane, viewer, max_height=359)
    assert refused.value.detail == "every layer is larger than that"


async def test_a_choice_is_for_the_section_of_the_picture(plane: Plane, viewer: Peer) -> None:
    session = await choose(plane, viewer)
    assert session.picture_section is not None
    await choose(plane, viewer, section=str(session.picture_section))
    with pytest.raises(ServiceError) as refused:
        await choose(plane, viewer, section=str(session.picture_section + 1))
    assert refused.value.code is ErrorCode.INVALID_LAYER
