"""Credentials over HTTP; tests/unit/control/access/test_auth.py has the whole matrix of permissions."""

import time
from unittest.mock import ANY

from shared.messages.rulings import TokenMark
from shared.messages.signalling import Play, Publish
from tests.integration.control.conftest import Stage
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER
from tests.support.tokens import SECRET, signed

WHIP = "/api/whip/publish/demo"
SDP = {"Content-Type": "application/sdp"}


async def test_the_end_of_a_jwt_goes_to_the_worker_with_the_session(stage: Stage) -> None:
    worker = await stage.worker()
    http = await stage.control(jwt_secret=SECRET)
    ends = int(time.time()) + 100
    token = signed(exp=ends, jti="j", sub="ann", iat=ends - 200)
    await http.post(WHIP, content=PUBLISH_OFFER, headers=SDP | {"X-Auth-Token": token})
    await http.post(
        "/api/whep/play/demo", content=PLAY_OFFER, headers=SDP | {"Authorization": f"Bearer {token}"}
    )
    mark = TokenMark("j", "ann", ends - 200)
    assert worker.received == [
        Publish(room="demo", offer=ANY, expires_at=ends + 30, identity=ANY, token=mark, network="127.0.0.1"),
        Play(room="demo", offer=ANY, expires_at=ends + 30, token=mark, network="127.0.0.1"),
    ]


async def test_the_worker_learns_who_publishes_and_no_token(stage: Stage) -> None:
    worker = await stage.worker()
    http = await stage.control(jwt_secret=SECRET, auth_token="a-global-one")
    for token in ("a-global-one", signed(sub="ann"), signed(sub="ann", iat=1), signed(sub="bob")):
        await http.post(WHIP, content=PUBLISH_OFFER, headers=SDP | {"X-Auth-Token": token})
        sent = worker.received[-1]
        assert isinstance(sent, Publish)
        assert token not in str(sent)
    with_token, ann, ann_again, bob = [sent.identity for sent in worker.received]
    assert ann == ann_again
    assert len({with_token, ann, bob}) == 3
