"""A worker that is full, gone, silent or has left: another one gets the publisher, within one request."""

import httpx

from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import Play, Publish
from shared.names import new_session_id
from tests.integration.control.conftest import Stage
from tests.integration.control.row import WHEP, WHIP
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER, post_offer
from tests.support.stopwatch import Stopwatch

FULL = ServiceError(ErrorCode.WORKER_FULL, detail="worker is at its limit")
LIMIT_SECONDS = 2.0
ADMIN = {"Authorization": "Bearer chief"}


async def publish(http: httpx.AsyncClient, room: str = "demo") -> httpx.Response:
    return await post_offer(http, f"{WHIP}/{room}", PUBLISH_OFFER)


async def play(http: httpx.AsyncClient) -> httpx.Response:
    return await post_offer(http, f"{WHEP}/demo", PLAY_OFFER)


def worker_of(response: httpx.Response) -> str:
    assert response.status_code == 201, response.text
    location: str = response.headers["Location"]
    return location.rpartition("/")[2].partition(".")[0]


async def test_a_worker_that_refuses_is_passed_over(stage: Stage) -> None:
    full, other = await stage.worker("full"), await stage.worker("other")
    full.answers[Publish] = FULL
    other.load = 0.7
    await other.beat()
    assert worker_of(await publish(await stage.control())) == "other"
    assert len(full.received) == 1


async def test_a_silent_worker_is_passed_over_in_time_and_then_left_alone(stage: Stage) -> None:
    silent, other = await stage.worker("silent"), await stage.worker("other")
    silent.may_answer.clear()
    other.load = 0.7
    await other.beat()
    http = await stage.control()
    for room in ("first", "second"):
        async with Stopwatch() as watch:
            assert worker_of(await publish(http, room)) == "other"
        assert watch.seconds < LIMIT_SECONDS
    assert len(silent.received) == 1


async def test_with_none_but_silent_workers_it_is_503_in_time(stage: Stage) -> None:
    for name in ("a", "b", "c"):
        (await stage.worker(name)).may_answer.clear()
    http = await stage.control()
    async with Stopwatch() as watch:
        response = await publish(http)
    assert watch.seconds < LIMIT_SECONDS
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) >= 1


async def test_an_owner_that_gives_its_room_up_is_followed_by_another_worker(stage: Stage) -> None:
    draining, other = await stage.worker("draining"), await stage.worker("other")
    await draining.publish_in("demo")
    draining.answers[Publish] = FULL
    other.answers[Publish] = ServiceError(ErrorCode.PUBLISHER_EXISTS)  # the claim was not given up
    other.load = 0.7
    await other.beat()
    http = await stage.control()
    assert (await publish(http)).status_code == 409
    del other.answers[Publish]
    await draining.give_up("demo")
    assert worker_of(await publish(http)) == "other"


async def test_a_viewer_follows_a_room_to_another_worker_at_once(stage: Stage) -> None:
    first, second = await stage.worker("first"), await stage.worker("second")
    await first.publish_in("demo")
    http = await stage.control()
    for _ in range(2):  # the second time without a look at the directory
        assert worker_of(await play(http)) == "first"
    await first.give_up("demo")
    await second.publish_in("demo")
    for _ in range(2):
        assert worker_of(await play(http)) == "second"
    await second.give_up("demo")
    assert (await play(http)).status_code == 404


async def test_a_worker_that_is_full_meanwhile_passes_its_viewers_on(stage: Stage) -> None:
    owner = await stage.worker("owner")
    await owner.publish_in("demo")
    http = await stage.control()
    assert worker_of(await play(http)) == "owner"
    owner.answers[Play] = FULL
    await stage.worker("other")
    assert worker_of(await play(http)) == "other"
    asked = next(message for message in owner.received[1:] if isinstance(message, Play))
    assert asked.origin is None


async def test_the_sessions_of_a_worker_that_has_left_are_unknown(stage: Stage) -> None:
    worker, http = await stage.worker(), await stage.control()
    await worker.close_list()
    for base in ("/api/whip/publish", "/api/whep/play"):
        session = f"{base}/demo/{new_session_id(worker.id)}"
        trickle = {"Content-Type": "application/trickle-ice-sdpfrag"}
        assert (await http.delete(session)).json() == {"error": "session not found"}
        assert (await http.patch(session, content="a=mid:0\r\n", headers=trickle)).status_code == 404
    events = await http.post(f"{session}/events", json=["active"])
    assert events.status_code == 404


async def test_a_worker_that_has_left_is_passed_over(stage: Stage) -> None:
    left, other, http = await stage.worker("left"), await stage.worker("other"), await stage.control()
    other.load = 0.5
    await other.beat()
    await left.close_list()
    assert worker_of(await publish(http)) == "other"


async def test_a_worker_that_has_left_is_as_good_as_none(stage: Stage) -> None:
    worker, http = await stage.worker(), await stage.control()
    await worker.close_list()
    answer = await publish(http)
    assert answer.status_code == 503
    assert answer.json()["error"] == "no media worker available"
    assert "did not answer" not in answer.json()["detail"]


async def test_an_operator_learns_that_a_worker_has_left(stage: Stage) -> None:
    worker, http = await stage.worker(), await stage.control(admin_token="chief")
    await worker.close_list()
    drain = await http.post("/api/admin/workers/w1/drain", headers=ADMIN)
    assert drain.json()["error"] == "worker not found"
    close = await http.post("/api/admin/rooms/demo/close", headers=ADMIN)
    assert close.json()["error"] == "room not found"
