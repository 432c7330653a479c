"""A worker that has left, while the directory still names it: requests are answered at once, not with 503."""

from shared.names import new_session_id
from tests.integration.control.conftest import Stage
from tests.support.offers import PUBLISH_OFFER, post_offer

ADMIN = {"Authorization": "Bearer chief"}


async def test_its_sessions_are_unknown(stage: Stage) -> None:
    worker, http = await stage.worker(), await stage.control()
    await worker.close_list()
    for base in ("/api/whip/publish", "/api/whep/play"):
        session = f"{base}/demo/{new_session_id(worker.id)}"
        trickle = {"Content-Type": "application/trickle-ice-sdpfrag"}
        assert (await http.delete(session)).json() == {"error": "session not found"}
        assert (await http.patch(session, content="a=mid:0\r\n", headers=trickle)).status_code == 404
    events = await http.post(f"{session}/events", json=["active"])
    assert events.status_code == 404


async def test_offers_go_to_another_one(stage: Stage) -> None:
    worker, http = await stage.worker("w1"), await stage.control()
    worker.load = 0.0
    other = await stage.worker("w2")
    other.load = 0.5
    for each in (worker, other):
        await each.beat()
    await worker.close_list()
    answer = await post_offer(http, "/api/whip/publish/demo", PUBLISH_OFFER)
    assert answer.status_code == 201
    assert answer.headers["Location"].rpartition("/")[2].startswith("w2.")


async def test_alone_it_is_as_good_as_none(stage: Stage) -> None:
    worker, http = await stage.worker(), await stage.control()
    await worker.close_list()
    answer = await post_offer(http, "/api/whip/publish/demo", PUBLISH_OFFER)
    assert answer.status_code == 503
    assert answer.json()["error"] == "no media worker available"
    assert "did not answer" not in answer.json()["detail"]


async def test_an_operator_learns_that_it_is_gone(stage: Stage) -> None:
    worker, http = await stage.worker(), await stage.control(admin_token="chief")
    await worker.close_list()
    drain = await http.post("/api/admin/workers/w1/drain", headers=ADMIN)
    assert drain.json()["error"] == "worker not found"
    close = await http.post("/api/admin/rooms/demo/close", headers=ADMIN)
    assert close.json()["error"] == "room not found"
