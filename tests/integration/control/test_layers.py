"""The layers of a picture: told to viewers and operators, and chosen, through any control process."""

from dataclasses import replace

from control.routes.layers import RELATION
from shared.messages.sessions import ListedSessions, ListSessions, SessionStatus
from shared.messages.signalling import ChooseLayer, Role
from shared.messages.status import LayerStatus
from tests.integration.control.conftest import Stage
from tests.integration.control.row import SDP, SESSION, WHEP
from tests.integration.control.test_events import change, listening, played, subscribed
from tests.support.offers import PLAY_OFFER

FULL = LayerStatus(rid="f", bitrate=2_512_345, width=1280, height=720, viewers=2)
HALF = LayerStatus(rid="h", bitrate=604_000, width=640, height=360, viewers=1)
ASLEEP = LayerStatus(rid="q")
TOLD_FULL = {"rid": "f", "bitrate": 2_500_000, "width": 1280, "height": 720}
TOLD_HALF = {"rid": "h", "bitrate": 600_000, "width": 640, "height": 360}


async def test_a_viewer_hears_of_the_layers_and_of_what_changes_in_them(stage: Stage) -> None:
    worker = await stage.worker()
    await worker.publish_in("demo", layers=(FULL, HALF, ASLEEP))
    http, other = await stage.control(), await stage.control()
    async with listening(other, await subscribed(http, await played(http), "layers")) as heard:
        await heard.hears(("layers", {"1": [TOLD_FULL, TOLD_HALF, {"rid": "q"}]}))
        awake = LayerStatus(rid="q", bitrate=150_000, width=320, height=180)
        await change(worker, layers=(FULL, HALF, awake))
        told = {"rid": "q", "bitrate": 150_000, "width": 320, "height": 180}
        await heard.hears(("layers", {"1": [TOLD_FULL, TOLD_HALF, told]}))
        assert len(heard.events) == 2


async def test_a_choice_reaches_the_worker_through_any_control_process(stage: Stage) -> None:
    worker = await stage.worker()
    await worker.publish_in("demo", layers=(FULL, HALF))
    http, other = await stage.control(), await stage.control()
    response = await http.post(f"{WHEP}/demo", content=PLAY_OFFER, headers=SDP)
    [link] = [link for link in response.headers.get_list("link") if RELATION in link]
    url = response.headers["Location"] + "/layer"
    assert link == f'<{url}>; rel="{RELATION}"'
    session = response.headers["Location"].rpartition("/")[2]

    wish = {"mediaId": "1", "rid": "h", "picture": False, "maxWidth": 640, "maxHeight": 360, "else": 1}
    assert (await other.post(url, json=wish)).status_code == 200
    assert worker.received[-1] == ChooseLayer(
        session=session, room="demo", rid="h", picture=False, max_width=640, max_height=360, section="1"
    )


async def test_operators_see_what_each_viewer_gets_and_why(stage: Stage) -> None:
    worker, other = await stage.worker(), await stage.worker("w2")
    plain = SessionStatus(id=SESSION, room="demo", role=Role.PLAY, state="connected", age=3.0)
    sound = {"sound_lost": 41, "sound_resent": 2, "sound_redundant": 1500}
    narrow = replace(plain, layer="360p", reason="line", carries=700_000, **sound)
    worker.answers[ListSessions] = ListedSessions(sessions=(narrow, plain), total=2)
    other.answers[ListSessions] = ListedSessions(sessions=(replace(plain, room="another"),), total=4)
    http = await stage.control(admin_token="chief")
    answer = await http.get("/api/admin/sessions", headers={"Authorization": "Bearer chief"})
    another, first, second = answer.json()["sessions"]  # by room, over all workers
    assert (another["room"], answer.json()["total"]) == ("another", 6)
    assert (first["layer"], first["reason"], first["carries"]) == ("360p", "line", 700_000)
    assert (second["layer"], second["reason"], second["carries"]) == ("", "", None)
    told = ("soundLost", "soundResent", "soundRedundant")
    assert [[each[name] for name in told] for each in (first, second)] == [[41, 2, 1500], [0, 0, 0]]
