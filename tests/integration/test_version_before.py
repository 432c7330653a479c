"""A rolling upgrade: each version reads what the other writes, and has its clients on the other's workers."""

import asyncio
from typing import Any, cast

import httpx
import pytest
from redis.asyncio import Redis

from shared.bus import keys
from shared.bus.connection import connect
from shared.directory.directory import Directory
from shared.messages import records, relays, sessions, signalling, status
from shared.messages.encoding import from_map, pack, to_map, unpack
from shared.messages.signalling import Closed, CloseRoom, Patch, Play, Publish
from shared.messages.status import RoomStatus, WorkerState, WorkerStatus
from shared.messages.version_before import StatusWithRooms
from shared.names import RoomName, WorkerId
from shared.rpc.request import Request
from shared.rpc.server import RpcServer
from tests.integration.control.conftest import StartControl, start_control, start_worker  # noqa: F401
from tests.integration.control.row import SDP, WHEP, WHIP
from tests.integration.control.scripted_worker import ScriptedWorker
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER
from tests.support.version_before import FIXTURES, RequestBefore, beat_before, stored, workers_before
from tests.support.waiting import eventually

KINDS = [
    kind
    for module in (records, relays, sessions, signalling, status)
    for kind in vars(module).values()
    if isinstance(kind, type) and (FIXTURES / f"{kind.__name__}.msgpack").exists()
]
STATUS = WorkerStatus(id="w1", state=WorkerState.READY, http_url="http://127.0.0.1:1", sessions=3)
ROOM = RoomStatus(name="demo", has_publisher=True, tracks=2, subscribers=5, codecs=("VP8", "opus"))
IN_TIME = 5.0


# --- messages


def test_every_message_of_the_version_before_is_here() -> None:
    assert {kind.__name__ for kind in KINDS} | {"request", "status"} == {
        file.stem for file in FIXTURES.iterdir()
    }


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_message_of_the_version_before_is_read_and_its_own_fields_are_written(kind: type) -> None:
    before: dict[str, Any] = unpack(stored(kind.__name__))
    message: Any = from_map(kind, before)
    assert contains(unpack(pack(to_map(message))), before)


def contains(after: object, before: object) -> bool:
    """Whether all that was there is there still, beside what this version adds."""
    if isinstance(after, dict) and isinstance(before, dict):
        return all(name in after and contains(after[name], before[name]) for name in before)
    if isinstance(after, list) and isinstance(before, list):
        return len(after) == len(before) and all(map(contains, after, before))
    return after == before


def test_requests_are_read_both_ways() -> None:
    before = unpack(stored("request"))
    assert from_map(Request, before).version == 1
    assert from_map(RequestBefore, before | {"version": 2}).op == "CloseRoom"


# --- this version reads workers of the version before


async def test_a_status_of_the_version_before_has_its_rooms(redis: Redis) -> None:
    await beat_before(redis, stored("status"), "w1", "demo")
    [worker] = await Directory(redis).workers()
    assert isinstance(worker, StatusWithRooms)
    assert worker.sessions == 12
    home, copy = worker.rooms
    assert (home.name, home.subscribers, home.layers[1].rid) == ("demo", 4, "h")
    assert (copy.name, copy.origin) == ("other", "w2")


class WorkerBefore(ScriptedWorker):
    """Writes what the version before wrote, and reads no more than that."""

    holds_id = True

    async def beat(self) -> None:
        own = WorkerStatus(id=self.id, state=self.state, http_url="http://127.0.0.1:1", load=self.load)
        as_before = {name: value for name, value in to_map(own).items() if name not in ADDED}
        packed = pack(as_before | {"rooms": [to_map(room) for room in self.rooms]})
        async with connect(self.redis_url) as redis:
            await beat_before(redis, packed, self.id, *self._claims, holds_id=self.holds_id)


ADDED = {"new_rooms", "rooms_version"}


async def test_control_publishes_and_watches_on_workers_of_the_version_before(
    start_control: StartControl,  # noqa: F811
    redis_url: str,
) -> None:
    async with (
        WorkerBefore(redis_url, "w1").running() as home,
        WorkerBefore(redis_url, "w2").running() as edge,
    ):
        edge.load = 0.9
        await edge.beat()
        http = await start_control(admin_token="secret-of-admin")
        assert (await http.post(f"{WHIP}/new", content=PUBLISH_OFFER, headers=SDP)).status_code == 201
        assert isinstance(home.received[0], Publish)
        await home.publish_in("demo", subscribers=3)
        edge.rooms = (RoomStatus(name="demo", has_publisher=False, tracks=2, subscribers=4, origin="w1"),)
        await edge.beat()

        async def counted() -> bool:
            rooms = (await http.get("/api/rooms?name=demo")).json()
            return [room["subscribers"] for room in rooms] == [7]

        await eventually("both workers count", counted, IN_TIME)
        viewer = await http.post(f"{WHEP}/demo", content=PLAY_OFFER, headers=SDP)
        assert viewer.status_code == 201
        play = home.received[-1]
        assert isinstance(play, Play)
        assert (play.origin, play.viewers_elsewhere) == (None, 4)
        assert (await http.delete(viewer.headers["Location"])).status_code == 200
        await listed(http, ["demo"], 7)
        headers = {"X-Auth-Token": "secret-of-admin"}
        assert (await http.post("/api/admin/rooms/demo/close", headers=headers)).status_code == 200
        assert edge.received == [CloseRoom(room="demo")]


async def test_workers_of_bd7d3b1_get_offers_and_fragments_as_text(
    start_control: StartControl,  # noqa: F811
    redis_url: str,
) -> None:
    worker = WorkerBefore(redis_url, "w1")
    worker.holds_id = False
    async with worker.running():
        http = await start_control()
        publisher = await http.post(f"{WHIP}/demo", content=PUBLISH_OFFER, headers=SDP)
        assert publisher.status_code == 201
        await worker.publish_in("demo")
        viewer = await http.post(f"{WHEP}/demo", content=PLAY_OFFER, headers=SDP)
        headers = {"Content-Type": "application/trickle-ice-sdpfrag"}
        location = viewer.headers["Location"]
        trickled = await http.patch(location, content=b"a=mid:0\r\n", headers=headers)
        assert trickled.status_code == 204
        publish, play, patch = [m for m in worker.received if isinstance(m, Publish | Play | Patch)]
        assert (publish.offer, play.offer, patch.fragment) == (PUBLISH_OFFER, PLAY_OFFER, b"a=mid:0\r\n")
        choice = await http.post(f"{location}/layer", json={"mediaId": "1", "encodingId": "h"})
        assert (choice.status_code, choice.json()["detail"]) == (400, "this worker cannot choose layers")


async def listed(http: httpx.AsyncClient, names: list[str], subscribers: int) -> None:
    async def is_listed() -> bool:
        rooms = (await http.get("/api/rooms")).json()
        return [room["name"] for room in rooms] == names and rooms[0]["subscribers"] == subscribers

    await eventually("the rooms are listed", is_listed, IN_TIME)


async def test_a_room_on_workers_of_both_versions_is_one_room(
    start_control: StartControl,  # noqa: F811
    redis_url: str,
) -> None:
    async with (
        ScriptedWorker(redis_url, "w1").running() as home,
        WorkerBefore(redis_url, "w2").running() as edge,
    ):
        await home.publish_in("demo", subscribers=3)
        edge.rooms = (RoomStatus(name="demo", has_publisher=False, tracks=2, subscribers=4, origin="w1"),)
        await edge.beat()
        http = await start_control()
        await listed(http, ["demo"], 7)
        [room] = (await http.get("/api/rooms?name=demo&detail=true")).json()
        assert (room["subscribers"], room["workers"]) == (7, ["w1", "w2"])


# --- the version before reads workers of this version


async def test_the_version_before_reads_a_status_and_finds_the_owner(redis: Redis) -> None:
    directory = Directory(redis)
    await directory.claim_room(RoomName("demo"), WorkerId("w1"))
    await directory.beat(STATUS, [RoomName("demo")], [ROOM])
    [worker] = await workers_before(redis)
    assert (worker.id, worker.state, worker.sessions, worker.rooms) == ("w1", "ready", 3, ())
    assert await redis.get("roomcast:room:demo") == b"w1"


async def test_it_finds_the_rooms_once_it_has_called_any_worker(redis: Redis, redis_url: str) -> None:
    """From its first call on, also those that nobody changes any more, and those of other workers."""
    one, two = Directory(redis), Directory(redis)
    await one.beat(STATUS, [], [ROOM])
    await two.beat(WorkerStatus(id="w2", state=WorkerState.READY, http_url=""), [])

    async def close(_: CloseRoom) -> Closed:
        [worker] = [worker for worker in await workers_before(redis) if worker.id == "w1"]
        return Closed(sessions=len(worker.rooms))

    async def called_by_version_before() -> None:
        await two.read_by_version_before(WorkerId("w2"))
        for _ in range(2):  # the first beat learns it
            await one.beat(STATUS, [], [ROOM])

    server = RpcServer(
        redis,
        redis_url,
        WorkerId("w2"),
        {CloseRoom: close},
        called_by_version_before=called_by_version_before,
    )
    serving = asyncio.create_task(server.run())
    seconds, _ = await redis.time()
    request = unpack(stored("request")) | {"deadline": seconds + 5.0}
    await redis.rpush(keys.rpc_requests(WorkerId("w2")), pack(request))
    _, reply = cast(tuple[bytes, bytes], await redis.blpop([request["reply_to"]], timeout=3))
    serving.cancel()
    await asyncio.wait([serving])
    assert unpack(reply)["ok"]["sessions"] == 1
    found = {worker.id: worker for worker in await workers_before(redis)}
    assert [(room.name, room.subscribers) for room in found["w1"].rooms] == [("demo", 5)]
    await redis.delete(keys.VERSION_BEFORE)
    for _ in range(2):
        await one.beat(STATUS, [], [ROOM])
    assert [worker.rooms for worker in await workers_before(redis)] == [(), ()]
