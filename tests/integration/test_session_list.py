"""What operators see of the sessions of a cluster."""

from typing import Any

import httpx

from tests.support.aiortc_client import publisher, viewer
from tests.support.offers import REAL_OFFERS, post_offer
from tests.support.system import System, running_system
from tests.support.waiting import eventually
from tools.replay import replay

ADMIN = {"Authorization": "Bearer chief"}


async def listed(system: System, query: str) -> httpx.Response:
    return await system.http.get(f"{system.controls[0].url}/api/admin/sessions{query}", headers=ADMIN)


async def test_an_operator_sees_who_sends_what_to_whom_and_how_it_arrives(redis_url: str) -> None:
    async with (
        running_system(redis_url, ADMIN_TOKEN="chief") as system,
        publisher(system.http, system.whip("seen")) as sender,
        viewer(system.http, system.whep("seen")) as receiver,
    ):
        await receiver.received(within=15)

        async def reported() -> dict[str, Any] | None:
            answer: dict[str, Any] = (await listed(system, "?room=seen")).json()
            return answer if answer["sessions"][-1]["rtt"] is not None else None

        answer = await eventually("the viewer's first report", reported, within=10, every=0.2)
        assert answer["total"] == 2
        publishing, playing = answer["sessions"]
        for session, role, client in ((publishing, "publish", sender), (playing, "play", receiver)):
            assert session["role"] == role
            assert session["room"] == "seen"
            assert session["worker"] == "worker0"
            assert session["state"] == "connected"
            assert session["codecs"] == ["opus", "VP8"]
            assert session["packets"] > 10
            assert session["bytes"] > session["packets"]
            assert session["loss"] == 0
            assert session["address"].startswith("127.0.0.1:")
            assert 0 < session["uptime"] < 60
            whole = client.session_url.rpartition("/")[2]
            assert session["id"].startswith("worker0.")
            assert whole.startswith(session["id"].removesuffix("…"))
            assert len(session["id"]) < len(whole) - 12  # it is not a credential
        assert 0 < playing["rtt"] < 1
        assert publishing["rtt"] is None
        logs = [
            (await listed(system, f"/{one['id']}/line?room=seen")).json() for one in (publishing, playing)
        ]
        assert logs[0]["parts"] == []
        assert [each for each in replay(logs[1]) if each.differs] == []
        offer = REAL_OFFERS["whip-obs-32-simulcast"].encode()
        assert (await post_offer(system.http, system.whip("layers"), offer)).status_code == 201
        [layered] = (await listed(system, "?room=layers")).json()["sessions"]
        assert layered["codecs"] == ["opus", "H264"]  # the layers of a picture are one codec
        assert (layered["state"], layered["address"]) == ("new", "")
