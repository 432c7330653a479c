"""Credentials over HTTP; tests/unit/control/access/test_auth.py has the whole matrix of permissions."""

import time
from unittest.mock import ANY

from control.access.auth import Authenticator
from shared.messages.rulings import TokenMark
from shared.messages.signalling import Play, Publish, Role
from shared.names import RoomName
from shared.settings.settings import load_settings
from tests.integration.control.conftest import Stage
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER, post_offer
from tests.support.tokens import SECRET, signed

WHIP = "/api/whip/publish/demo"
SDP = {"Content-Type": "application/sdp"}


async def test_the_worker_learns_whose_a_session_is_and_when_it_ends_and_no_token(stage: Stage) -> None:
    worker = await stage.worker()
    http = await stage.control(jwt_secret=SECRET)
    ends = int(time.time()) + 100
    token = signed(exp=ends, jti="j", sub="ann", iat=ends - 200)
    await http.post(WHIP, content=PUBLISH_OFFER, headers=SDP | {"X-Auth-Token": token})
    await post_offer(http, "/api/whep/play/demo", PLAY_OFFER, token)
    assert token not in str(worker.received)
    access = Authenticator(load_settings(jwt_secret=SECRET)).access(token.encode(), time.time())
    identity = access.grant(RoomName("demo"), Role.PUBLISH).identity
    of_both = {"room": "demo", "offer": ANY, "token": TokenMark("j", "ann", ends - 200)}
    of_both |= {"expires_at": ends + 30, "network": "127.0.0.1"}
    assert worker.received == [Publish(**of_both, identity=identity), Play(**of_both)]
