"""A worker's health and metrics over HTTP."""

from pathlib import Path

import httpx

from shared.messages.signalling import Closed, CloseRoom, Role
from tests.integration.worker.stage import IN_TIME, ROOM, running
from tests.support.peer import payload_of
from tests.support.waiting import eventually


async def test_a_rooms_series_end_with_it_and_the_workers_totals_go_on(
    redis_url: str, tmp_path: Path
) -> None:
    async with running(redis_url, tmp_path) as worker, httpx.AsyncClient() as http:
        publisher, viewer = await worker.pair()
        # Not all that was sent: the viewer may have been added between two packets.
        latest = payload_of(publisher.sent)
        await eventually("the latest has arrived", lambda: viewer.rtp[-1].endswith(latest), IN_TIME)
        series = await worker.series(http)
        assert series['roomcast_sessions{role="publish",state="connected"}'] == 1
        assert series['roomcast_sessions{role="play",state="connected"}'] == 1
        assert series["roomcast_egress_packets_total"] == len(viewer.rtp)
        assert series["live_rooms"] == series['live_subscribers{room="demo"}'] == 1
        assert series['live_rtp_packets_total{room="demo"}'] == publisher.sent
        assert series['live_rtp_bytes_total{room="demo"}'] == 20 * publisher.sent
        assert (await worker.call(CloseRoom(room=ROOM), Closed)).sessions == 2

        ended = await worker.series(http)
        assert not [name for name in ended if 'room="' in name]
        for name, value in series.items():
            if name.endswith(("_total", "_count", "_bucket")) and name.startswith("roomcast_"):
                assert ended[name] >= value, name
        assert ended["roomcast_ingress_packets_total"] == publisher.sent
        assert ended["roomcast_ingress_bytes_total"] == 20 * publisher.sent
        assert sum(value for name, value in ended.items() if name.startswith("roomcast_sessions{")) == 0
        for role in Role:
            assert ended[f'roomcast_sessions_opened_total{{role="{role}"}}'] == 1
            assert ended[f'roomcast_sessions_ended_total{{reason="room_closed",role="{role}"}}'] == 1
            assert ended[f'roomcast_handshake_seconds_count{{role="{role}"}}'] == 1
            assert 0 < ended[f'roomcast_connect_seconds_sum{{role="{role}"}}'] < IN_TIME
        assert ended['roomcast_rpc_serve_seconds_count{op="Publish",outcome="ok"}'] == 1
        assert ended['roomcast_rpc_serve_seconds_count{op="CloseRoom",outcome="ok"}'] == 1
        publisher.close()
        viewer.close()


async def test_an_idle_worker_measures_how_late_its_loop_is(redis_url: str, tmp_path: Path) -> None:
    async with running(redis_url, tmp_path) as worker, httpx.AsyncClient() as http:

        async def measured() -> bool:
            return (await worker.series(http))["roomcast_event_loop_lag_seconds_count"] > 0

        await eventually("a second has passed", measured, IN_TIME)
