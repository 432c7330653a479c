"""Every way to end a session: the room closes, its viewers are told, and the room is free again."""

import asyncio

from tests.support.aiortc_client import publisher, viewer
from tests.support.offers import PUBLISH_OFFER, post_offer
from tests.support.system import System, running_system
from tests.support.waiting import eventually

SOON = 3.0  # seconds: a heartbeat, and some for a busy machine


async def assert_free(system: System, room: str, token: str = "") -> None:
    answer = await post_offer(system.http, system.whip(room), PUBLISH_OFFER, token)
    assert answer.status_code == 201, answer.text


async def test_delete_by_the_publisher_ends_the_room_at_once(redis_url: str) -> None:
    async with (
        running_system(redis_url) as system,
        publisher(system.http, system.whip("deleted")) as sender,
        viewer(system.http, system.whep("deleted")) as receiver,
    ):
        await receiver.received(within=15)
        assert (await sender.delete()).status_code == 200
        await assert_free(system, "deleted")
        assert (await sender.delete()).status_code == 404
        await asyncio.gather(sender.ended(SOON), receiver.ended(SOON))


async def test_delete_by_a_viewer_ends_only_its_session(redis_url: str) -> None:
    async with (
        running_system(redis_url) as system,
        publisher(system.http, system.whip("stays")),
        viewer(system.http, system.whep("stays")) as leaving,
        viewer(system.http, system.whep("stays")) as staying,
    ):
        await leaving.received(within=15)
        assert (await leaving.delete()).status_code == 200
        await leaving.ended(SOON)
        await staying.received(within=15)

        async def one_left() -> bool:
            return (await system.rooms())["stays"]["subscribers"] == 1

        await eventually("one subscriber is left", one_left, SOON)


async def test_a_publisher_whose_room_was_closed_learns_it_from_its_late_delete(redis_url: str) -> None:
    async with (
        running_system(redis_url, ADMIN_TOKEN="chief") as system,
        publisher(system.http, system.whip("over")) as sender,
    ):
        close = f"{system.controls[0].url}/api/admin/rooms/over/close"
        assert (await system.http.post(close, headers={"X-Auth-Token": "chief"})).status_code == 200
        await sender.ended(SOON)
        late_delete = await sender.delete()
        assert (late_delete.status_code, late_delete.json()) == (200, {"reason": "room closed"})
        assert (await sender.delete()).status_code == 404
