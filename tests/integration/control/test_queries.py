"""Queries about the cluster: bootstrap, rooms, workers, metrics; and closing a room on all workers."""

import base64
import hashlib
import hmac
import time

import httpx

from shared.messages.signalling import CloseRoom
from shared.messages.status import LayerStatus, RoomStatus, WorkerState
from tests.integration.control.conftest import Stage
from tests.integration.control.row import ADMIN

TURN = {"stun_urls": "stun:s.test:3478", "turn_urls": "turn:t.test:3478?transport=udp,turns:t.test:5349"}
STUN_ENTRY = {"urls": ["stun:s.test:3478"]}


async def bootstrap(http: httpx.AsyncClient, token: str = "") -> dict[str, object]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return (await http.get("/api/bootstrap", headers=headers)).json()


async def test_bootstrap_of_an_open_server(stage: Stage) -> None:
    assert await bootstrap(await stage.control()) == {
        "authEnabled": False,
        "recordEnabled": False,
        "iceServers": [{"urls": ["stun:stun.l.google.com:19302"]}],
        "features": {"rooms": True, "records": False},
    }
    http = await stage.control(**TURN, turn_username="u", turn_password="p", record_enabled=True)
    assert await bootstrap(http) == {
        "authEnabled": False,
        "recordEnabled": True,
        "iceServers": [
            STUN_ENTRY,
            {"urls": TURN["turn_urls"].split(","), "username": "u", "credential": "p"},
        ],
        "features": {"rooms": True, "records": True},
    }


async def test_rooms_are_narrowed_to_one_and_told_in_detail(stage: Stage) -> None:
    http = await stage.control()
    worker = await stage.worker()
    await worker.publish_in("one")
    await worker.publish_in("two")

    async def names(query: str) -> list[str]:
        return [room["name"] for room in (await http.get(f"/api/rooms{query}")).json()]

    assert await names("?detail=true") == ["one", "two"]
    assert await names("?name=two") == ["two"]
    assert await names("?name=three&detail=true") == []
    detail = (await http.get("/api/rooms?name=one&detail=true")).json()[0]
    assert set(detail) == set((await http.get("/api/rooms/one")).json())


async def test_rooms_come_in_pages(stage: Stage) -> None:
    http = await stage.control()
    worker = await stage.worker()
    for name in ("c", "a", "B", "d-4", "d_4"):
        await worker.publish_in(name)

    async def page(query: str) -> list[str]:
        return [room["name"] for room in (await http.get(f"/api/rooms?{query}")).json()]

    assert await page("") == ["B", "a", "c", "d-4", "d_4"]
    assert await page("limit=2") == ["B", "a"]
    assert await page("limit=2&after=a") == ["c", "d-4"]
    assert await page("limit=9&after=d-4&detail=true") == ["d_4"]
    assert await page("after=d") == ["d-4", "d_4"]
    assert await page("limit=5&after=d_4") == await page("limit=0") == []


async def test_with_authentication_turn_is_for_the_authorised(stage: Stage) -> None:
    http = await stage.control(
        **TURN, turn_username="u", turn_password="p", auth_token="secret-of-all", room_tokens="demo:one"
    )
    for token in ("", "wrong"):
        told = await bootstrap(http, token)
        assert (told["authEnabled"], told["iceServers"]) == (True, [STUN_ENTRY])
    for token in ("secret-of-all", "one"):
        assert len((await bootstrap(http, token))["iceServers"]) == 2


async def test_turn_secret_makes_credentials_that_end_for_each_caller_others(stage: Stage) -> None:
    """A TURN server limits what one user takes: all of one name would share that."""
    http = await stage.control(**TURN, turn_username="name", turn_secret="shared-with-coturn")
    entry = (await bootstrap(http))["iceServers"][1]
    ends, _, name = entry["username"].partition(":")
    assert name == "name"
    assert 0 < int(ends) - time.time() <= 24 * 3600
    mac = hmac.digest(b"shared-with-coturn", entry["username"].encode(), hashlib.sha1)
    assert entry["credential"] == base64.b64encode(mac).decode()
    nameless = await stage.control(**TURN, turn_secret="shared-with-coturn")
    names = [(await bootstrap(nameless))["iceServers"][1]["username"] for _ in range(2)]
    users = {name.partition(":")[2] for name in names}
    assert len(users) == 2
    assert "" not in users


async def test_rooms_are_of_the_whole_cluster_sorted_by_name(stage: Stage) -> None:
    first, second, http = await stage.worker("w1"), await stage.worker("w2"), await stage.control()
    assert (await http.get("/api/rooms")).json() == []
    await first.publish_in("zebra", tracks=1, subscribers=5)
    await second.publish_in("apple", subscribers=2)
    assert (await http.get("/api/rooms")).json() == [
        {"name": "apple", "hasPublisher": True, "tracks": 2, "subscribers": 2},
        {"name": "zebra", "hasPublisher": True, "tracks": 1, "subscribers": 5},
    ]


async def test_a_room_in_detail(stage: Stage) -> None:
    worker = await stage.worker()
    layer = LayerStatus(rid="f", bitrate=2_512_345, width=1280, height=720, viewers=2)
    await worker.publish_in(
        "demo",
        codecs=("VP8", "opus"),
        bitrate=900_000,
        started_at=time.time() - 60,
        layers=(layer, LayerStatus(rid="q")),
        viewers_by_reason={"line": 1},
    )
    room = (await (await stage.control()).get("/api/rooms/demo")).json()
    assert 60 <= room.pop("uptime") < 70
    assert room == {
        "name": "demo",
        "hasPublisher": True,
        "tracks": 2,
        "subscribers": 0,
        "codecs": ["VP8", "opus"],
        "bitrate": 900_000,
        "loss": 0.0,
        "delay": None,
        "standbys": 0,
        "standbyOn": False,
        "recording": False,
        "stillAt": None,
        "locked": False,
        "title": None,
        "workers": ["w1"],
        "copies": [],
        "warnings": [],
        "layers": [
            {"rid": "f", "width": 1280, "height": 720, "bitrate": 2_512_345, "viewers": 2},
            {"rid": "q", "width": 0, "height": 0, "bitrate": 0, "viewers": 0},
        ],
        "viewersByReason": {"full": 0, "line": 1, "choice": 0},
    }


async def test_an_admin_sees_the_workers(stage: Stage) -> None:
    worker = await stage.worker()
    worker.load = 0.5
    await worker.publish_in("demo")
    http = await stage.control(admin_token="secret-of-admin")
    response = await http.get("/api/workers", headers={"X-Auth-Token": "secret-of-admin"})
    entry = {
        "id": "w1",
        "state": "ready",
        "load": 0.5,
        "egressPackets": 0.0,
        "egressBits": 0.0,
        "egressShare": 0.0,
        "sessions": 1,
        "viewers": 0,
        "takesPublishers": True,
        "takesViewers": True,
        "drainSeconds": None,
        "rooms": ["demo"],
    }
    assert response.json() == [{**entry, "url": "http://w1.test:9100"}]
    open_to_all = await stage.control()
    assert (await open_to_all.get("/api/workers")).json() == [entry]


async def close(http: httpx.AsyncClient) -> httpx.Response:
    return await http.post("/api/admin/rooms/demo/close", headers=ADMIN["headers"])


async def test_closing_a_room_reaches_every_worker_that_holds_it(stage: Stage) -> None:
    owner, edge, other = await stage.worker("owner"), await stage.worker("edge"), await stage.worker("other")
    await owner.publish_in("demo", subscribers=3)
    edge.rooms = (
        RoomStatus(name="demo", has_publisher=False, tracks=2, subscribers=1, origin="owner", tier=1),
    )
    await edge.beat()
    response = await close(await stage.control(**ADMIN["settings"]))
    assert (response.status_code, response.json()) == (200, {"name": "demo", "sessions": 6})
    assert owner.received == edge.received == [CloseRoom(room="demo")]
    assert other.received == []


async def test_a_silent_worker_does_not_hinder_closing_a_room_elsewhere(stage: Stage) -> None:
    owner, silent = await stage.worker("owner"), await stage.worker("silent")
    await owner.publish_in("demo")
    silent.may_answer.clear()
    assert (await close(await stage.control(**ADMIN["settings"]))).status_code == 200


async def test_closing_a_room_of_a_silent_worker_is_503(stage: Stage) -> None:
    owner = await stage.worker("owner")
    await owner.publish_in("demo")
    owner.may_answer.clear()
    response = await close(await stage.control(**ADMIN["settings"]))
    assert (response.status_code, response.json()["detail"]) == (503, "worker owner did not answer")


async def test_not_ready_says_why(stage: Stage) -> None:
    response = await (await stage.control()).get("/readyz")
    assert response.json()["detail"] == "no worker is ready"


async def test_metrics_have_the_rooms_of_the_cluster_under_the_names_of_the_contract(stage: Stage) -> None:
    first, second = await stage.worker("w1"), await stage.worker("w2")
    await first.publish_in("demo", subscribers=3, rx_bytes=1000, rx_packets=10)
    await second.publish_in("other", subscribers=2, rx_bytes=500, rx_packets=5)
    http = await stage.control()
    response = await http.get("/metrics")
    lines = response.text.splitlines()
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    for line in (
        "# TYPE live_rooms gauge",
        "live_rooms 2.0",
        "# TYPE live_subscribers gauge",
        'live_subscribers{room="demo"} 3.0',
        'live_subscribers{room="other"} 2.0',
        "# TYPE live_rtp_bytes_total counter",
        'live_rtp_bytes_total{room="demo"} 1000.0',
        "# TYPE live_rtp_packets_total counter",
        'live_rtp_packets_total{room="demo"} 10.0',
        'live_rtp_packets_total{room="other"} 5.0',
    ):
        assert line in lines


async def test_metrics_have_the_requests_by_route_and_no_more_series_than_routes(stage: Stage) -> None:
    http = await stage.control()
    for room in ("a", "b"):
        await http.get(f"/api/whip/publish/{room}")
    await http.get("/nothing-1")
    await http.get("/nothing-2")
    await http.request("PROPFIND", "/api/rooms")
    text = (await http.get("/metrics")).text
    name = "roomcast_http_request_seconds_count"
    assert f'{name}{{method="GET",route="/api/whip/publish/{{room}}",status="204"}} 2.0' in text
    assert f'{name}{{method="GET",route="-",status="404"}} 2.0' in text
    assert f'{name}{{method="other",route="/api/rooms",status="405"}} 1.0' in text


async def test_metrics_tell_of_the_workers_and_of_the_calls_to_them(stage: Stage) -> None:
    await (await stage.worker("w1")).publish_in("demo")
    leaving = await stage.worker("w2")
    leaving.state = WorkerState.DRAINING
    await leaving.beat()
    http = await stage.control(**ADMIN["settings"])
    await close(http)
    lines = (await http.get("/metrics")).text.splitlines()
    assert 'roomcast_workers{state="ready"} 1.0' in lines
    assert 'roomcast_workers{state="draining"} 1.0' in lines
    assert 'roomcast_rpc_call_seconds_count{op="CloseRoom",outcome="ok"} 1.0' in lines
    age = next(line for line in lines if line.startswith("roomcast_directory_age_seconds "))
    assert 0 <= float(age.split()[1]) < 5


async def test_prometheus_finds_the_workers(stage: Stage) -> None:
    await stage.worker("w1")
    await stage.worker("w2")
    assert (await (await stage.control()).get("/api/metrics/targets")).json() == [
        {"targets": ["w1.test:9100"], "labels": {"__scheme__": "http", "worker": "w1"}},
        {"targets": ["w2.test:9100"], "labels": {"__scheme__": "http", "worker": "w2"}},
    ]
