"""What a worker tells the directory, with and without Redis, to its end."""

import contextlib
import signal
from pathlib import Path

import httpx
import pytest

from shared.bus import keys
from shared.bus.connection import connect
from shared.directory.directory import Directory
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import Answer, Closed, Delete, Publish, Role
from shared.rpc.request import CLOSED
from tests.integration.worker.stage import (
    BACK_SECONDS,
    IN_TIME,
    ROOM,
    START_SECONDS,
    STOP_SECONDS,
    WORKER,
    running,
    start,
)
from tests.support.free_ports import free_port
from tests.support.own_valkey import OwnValkey
from tests.support.peer import Peer
from tests.support.sdp import sent_offer
from tests.support.waiting import eventually


async def test_a_worker_tells_of_its_rooms_before_it_answers(redis_url: str, tmp_path: Path) -> None:
    async with running(redis_url, tmp_path) as worker:
        publisher, viewer = Peer(publishes=True), Peer(publishes=False)
        published = await worker.publish(publisher)
        assert await worker.directory.room_owner(ROOM) == WORKER
        await worker.play(viewer)
        assert await worker.is_announced()
        with pytest.raises(ServiceError) as refused:
            await worker.publish(Peer(publishes=True))
        assert refused.value.code is ErrorCode.PUBLISHER_EXISTS
        await worker.call(Delete(session=published.session, room=ROOM, role=Role.PUBLISH), Closed)
        assert await worker.directory.room_owner(ROOM) is None
        status = await worker.status()
        assert status is not None
        assert (await worker.rooms(), status.sessions) == ([], 0)


async def test_the_limits_of_rooms_are_those_of_the_settings(redis_url: str, tmp_path: Path) -> None:
    limits = {"MAX_ROOMS": "2", "MAX_PUBLISHERS_PER_CLIENT": "1"}
    async with running(redis_url, tmp_path, **limits) as worker:
        refused = []
        for room, network in (("a", "192.0.2.1"), ("b", "192.0.2.1"), ("b", "192.0.2.2"), ("c", "192.0.2.3")):
            offer = sent_offer(Peer(publishes=True).offer())
            try:
                await worker.call(Publish(room=room, offer=offer, network=network), Answer)
            except ServiceError as error:
                refused.append((room, error.code))
        assert refused == [("b", ErrorCode.PUBLISHER_LIMIT), ("c", ErrorCode.ROOM_LIMIT)]
        async with httpx.AsyncClient() as http:
            series = await worker.series(http)
        assert {name for name in series if name.startswith("live_subscribers")} == {
            'live_subscribers{room="a"}',
            'live_subscribers{room="b"}',
        }


async def test_a_claim_lives_as_long_as_the_heartbeat(redis_url: str, tmp_path: Path) -> None:
    async with running(redis_url, tmp_path) as worker:
        await worker.publish(Peer(publishes=True))
        # shortened, so that only a beat can keep them
        names = {
            keys.room_claim(ROOM): keys.CLAIM_TTL_MS,
            keys.worker_status(WORKER): keys.HEARTBEAT_TTL_MS,
        }

        async def refreshed() -> bool:
            return all([await worker.redis.pttl(name) > ttl - 1000 for name, ttl in names.items()])

        for _ in range(2):
            for name in names:
                await worker.redis.pexpire(name, 2500)
            await eventually("a beat has renewed them", refreshed, 2.0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_that_is_told_to_stop_leaves_a_passing_mark_and_no_client_waiting(
    redis_url: str, tmp_path: Path, number: signal.Signals
) -> None:
    async with running(redis_url, tmp_path) as worker:
        publisher, viewer = await worker.pair()
        worker.process.send_signal(number)
        assert await worker.stopped() == 0
        mark = keys.rpc_requests(WORKER)
        assert set(await worker.redis.keys()) == {
            mark.encode(),
            keys.CHANGES.encode(),
            keys.room_ended(ROOM).encode(),
            keys.EPOCH.encode(),
        }  # which end by themselves, but for the last
        assert await worker.redis.lrange(mark, 0, -1) == [CLOSED]
        assert await worker.redis.ttl(mark) > 0
        for peer in (publisher, viewer):
            await eventually("it is told", lambda: peer.closed, IN_TIME)  # noqa: B023
            peer.close()


async def test_a_worker_stops_in_time_while_redis_is_away(tmp_path: Path, own_valkey: OwnValkey) -> None:
    async with running(own_valkey.url, tmp_path) as worker:
        publisher, viewer = await worker.pair()
        own_valkey.stop()
        worker.process.terminate()
        assert await worker.stopped() == 0
        publisher.close()
        viewer.close()


async def test_a_worker_may_start_before_redis(tmp_path: Path) -> None:
    valkey = OwnValkey(free_port())
    address = f"127.0.0.1:{free_port()}"
    process = start(valkey.url, tmp_path / "log", WORKER_HTTP_ADDR=address)
    try:
        async with httpx.AsyncClient() as http:

            async def healthy() -> bool:
                with contextlib.suppress(httpx.TransportError):
                    return (await http.get(f"http://{address}/healthz")).text == "ok"
                return False

            await eventually("it is healthy", healthy, START_SECONDS)
        valkey.start()
        async with connect(valkey.url) as redis:
            workers = await eventually("it is announced", Directory(redis).workers, BACK_SECONDS)
        assert [worker.id for worker in workers] == [WORKER]
    finally:
        process.terminate()
        code = process.wait(STOP_SECONDS)
        valkey.stop()
    assert code == 0


async def test_a_room_that_another_worker_holds_by_now_is_given_up(redis_url: str, tmp_path: Path) -> None:
    async with running(redis_url, tmp_path) as worker:
        publisher, viewer = await worker.pair()
        await worker.redis.set(keys.room_claim(ROOM), "w2")
        for peer in (publisher, viewer):
            await eventually("it is told", lambda: peer.closed, IN_TIME)  # noqa: B023
            peer.close()

        async def gone() -> bool:
            return await worker.rooms() == []

        await eventually("the room is gone", gone, IN_TIME)
        assert await worker.directory.room_owner(ROOM) == "w2"
