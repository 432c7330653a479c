"""One room over many workers: its media, its counts, and its end are one."""

import asyncio
from pathlib import Path

from tests.integration.cluster.stage import ADMIN, ROOM, running_stage
from tests.support.aiortc_client import publisher, viewer
from tests.support.offers import PLAY_OFFER, post_offer
from tests.support.peer import IN_TIME
from tests.support.waiting import eventually


async def test_viewers_on_three_workers_are_in_one_room(redis_url: str) -> None:
    async with running_stage(redis_url, workers=3) as stage:
        sender = await stage.publish(0)
        viewers = [await stage.play(number, origin=0) for number in (0, 1, 1, 2)]
        await stage.all_receive(*viewers)

        async def counted() -> bool:
            control = stage.system.controls[0]
            return (
                await stage.system.rooms()
                == {ROOM: {"name": ROOM, "hasPublisher": True, "tracks": 2, "subscribers": 4}}
                and await stage.metrics("live_subscribers", room=ROOM) == [1, 2, 1]
                and await stage.metrics("live_rooms") == [1, 0, 0]
                and await stage.metric(control, "live_subscribers", room=ROOM) == 4
                and await stage.metric(control, "live_rooms") == 1
            )

        await eventually("the counts are right everywhere", counted, IN_TIME)
        first, *others = await stage.metrics("live_rtp_packets_total", room=ROOM)
        assert first
        assert others == [None, None]
        closed = await stage.system.http.post(
            f"{stage.system.controls[0].url}/api/admin/rooms/{ROOM}/close", headers=ADMIN
        )
        assert closed.status_code == 200
        await eventually("all are told", lambda: all(p.closed for p in (sender, *viewers)), IN_TIME)
        await stage.system.room_gone(ROOM, within=IN_TIME)


async def test_what_one_worker_has_no_room_for_goes_to_others_up_to_the_limit_of_the_room(
    redis_url: str,
) -> None:
    limits = {"WORKER_MAX_VIEWERS": "2", "MAX_SUBS_PER_ROOM": "5"}
    async with running_stage(redis_url, workers=3, **limits) as stage:
        await stage.publish(0)
        viewers = [await stage.join() for _ in range(5)]
        await stage.all_receive(*viewers)
        where = [stage.sessions[viewer].partition(".")[0] for viewer in viewers]
        assert where[:2] == [stage.worker(0).name] * 2
        assert where[2] == where[3]  # an edge is filled before another relay is opened
        assert len(set(where)) == 3
        full = await post_offer(stage.system.http, stage.system.whep(ROOM), PLAY_OFFER)
        assert (full.status_code, full.json()) == (403, {"error": "subscriber limit reached"})
        await stage.stop(viewers[0])
        await stage.all_receive(await stage.join(), *viewers[1:])


async def test_a_room_over_two_workers_is_seen_at_both_and_recorded_once(
    redis_url: str, tmp_path: Path
) -> None:
    recording = {"RECORD_ENABLED": "1", "RECORD_DIR": str(tmp_path), "RECORD_FORMATS": "tracks"}
    async with running_stage(redis_url, workers=2, WORKER_MAX_VIEWERS="1", **recording) as stage:
        system = stage.system
        async with (
            publisher(system.http, system.whip(ROOM)) as sender,
            viewer(system.http, system.whep(ROOM)) as near,
            viewer(system.http, system.whep(ROOM)) as far,
        ):
            workers = [
                client.session_url.rpartition("/")[2].partition(".")[0] for client in (sender, near, far)
            ]
            assert workers[0] == workers[1] != workers[2]
            await asyncio.gather(*(one.received(within=2 * IN_TIME) for one in (near, far)))
            assert (await sender.delete()).status_code == 200
            await asyncio.gather(*(one.ended(within=IN_TIME) for one in (near, far)))
        await system.room_gone(ROOM, within=IN_TIME)

        async def recorded() -> list[str]:
            listed = (await system.http.get(f"{system.controls[0].url}/api/records")).json()
            return sorted(record["name"].rpartition(".")[2] for record in listed)

        await eventually("one file of each track", recorded, IN_TIME)
        assert await recorded() == ["ivf", "ogg"]
