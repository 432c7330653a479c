"""Two control processes and two media workers on one Redis act as one server."""

import asyncio
from urllib.parse import urljoin

import httpx

from tests.support.aiortc_client import publisher, viewer
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER, post_offer
from tests.support.system import running_system
from tests.support.waiting import eventually

ADMIN = {"Authorization": "Bearer chief"}
RACES = 20
CLAIM_EXPIRY_SECONDS = 7.0  # a claim lives 5 s past its owner's last heartbeat


async def test_any_control_process_serves_any_room(redis_url: str) -> None:
    async with (
        running_system(redis_url, controls=2, workers=2, ADMIN_TOKEN="chief") as system,
        publisher(system.http, system.whip("shared", control=0)) as sender,
        viewer(system.http, system.whep("shared", control=1)) as receiver,
    ):
        await receiver.received(within=15)

        async def both_agree() -> bool:
            expected = {"name": "shared", "hasPublisher": True, "tracks": 2, "subscribers": 1}
            return all([await system.rooms(number) == {"shared": expected} for number in (0, 1)])

        await eventually("both list the room alike", both_agree, within=5)
        closed = await system.http.post(
            f"{system.controls[1].url}/api/admin/rooms/shared/close", headers=ADMIN
        )
        assert closed.status_code == 200
        await asyncio.gather(sender.ended(within=3), receiver.ended(within=3))
        await system.room_gone("shared", within=3)


async def test_of_two_publishers_at_once_one_gets_the_room(redis_url: str) -> None:
    async with running_system(redis_url, controls=2, workers=2) as system:
        for number in range(RACES):
            answers = await asyncio.gather(
                *(post_offer(system.http, system.whip("race", control), PUBLISH_OFFER) for control in (0, 1))
            )
            by_status = {answer.status_code: answer for answer in answers}
            assert by_status.keys() == {201, 409}, f"race {number}: {[a.text for a in answers]}"
            assert by_status[409].json() == {"error": "publisher already exists in this room"}
            won = by_status[201]
            # either control process reaches the session
            session = urljoin(system.controls[number % 2].url, won.headers["Location"])
            assert (await system.http.delete(session)).status_code == 200


async def test_a_killed_worker_frees_its_rooms(redis_url: str) -> None:
    async with running_system(redis_url, controls=2, workers=2) as system:
        won = await post_offer(system.http, system.whip("orphan"), PUBLISH_OFFER)
        assert won.status_code == 201
        await system.room_live("orphan", within=5)
        owner = won.headers["Location"].rpartition("/")[2].partition(".")[0]
        next(worker for worker in system.workers if worker.name == owner).kill()

        async def publishable() -> httpx.Response | None:
            answer = await post_offer(system.http, system.whip("orphan", control=1), PUBLISH_OFFER)
            return answer if answer.status_code == 201 else None

        again = await eventually("the room is free", publishable, CLAIM_EXPIRY_SECONDS, every=0.2)
        assert owner not in again.headers["Location"]
        played = await post_offer(system.http, system.whep("orphan"), PLAY_OFFER)
        assert played.status_code == 201, played.text
