"""A viewer whose offer has no section for a picture: nothing of it is sent, counted or asked for."""

import pytest

from media.counts import ViewerStats
from media.sessions.end_reason import EndReason
from media.sessions.session import Setup
from media.sessions.viewer_session import ViewerSession
from media.switch.rendition import Ladder, Rendition
from media.switch.wire import Wire
from media.transport.certificate import Certificate
from media.transport.ice import new_credentials
from shared.names import SessionId
from shared.sdp.offer import parse_offer
from tests.support.far_end import new_keys
from tests.support.layers_world import PICTURE, LayersWorld
from tests.support.sdp import real_offer

SOUND = Wire(111, {})
WITH_PICTURE = Wire(100, {}, ssrc=PICTURE)


@pytest.mark.parametrize(
    ("wire", "rendition", "reason"), [(None, None, ""), (WITH_PICTURE, 0, "full")], ids=["sound", "picture"]
)
async def test_only_who_gets_a_picture_begins_with_a_rendition(
    wire: Wire | None, rendition: int | None, reason: str
) -> None:
    world = LayersWorld()
    world.feed.ladder = Ladder.of(tuple(Rendition(number, 1e6) for number in range(3)), 5e4, (), 0)
    setup = Setup(
        id=SessionId("w1.0"),
        offer=parse_offer(real_offer("whep-chromium-156")),
        local=new_credentials(),
        certificate=Certificate.generate(),
        send=lambda _datagram, _address: None,
        now=0.0,
        expires_at=None,
        connected=lambda _session, _since_answer, _handshake: None,
        ended=lambda _session, _reason: None,
    )
    wires = (wire, wire, wire, SOUND)
    viewer = ViewerSession(setup, world.switch, world.feed, world.feedback, (), wires, ViewerStats())
    viewer.ice.selected = ("192.0.2.1", 1)
    viewer._attach(new_keys())
    assert (viewer.rendition, viewer.reason) == (rendition, reason)
    viewer.end(EndReason.DELETED)
