"""Every kind of credential, on every route that opens something of a room, with a token of its own or not.

tests/unit/control/access has the matrix of settings and claims.
"""

from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.integration.control.conftest import Stage
from tests.integration.control.row import SDP, SESSION
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER
from tests.support.tokens import SECRET, signed

ROOMS = ("red", "blue")  # red has tokens of its own
SETTINGS: dict[str, Any] = {
    "viewer_reports": True,
    "auth_token": "secret-of-all",
    "publish_token": "secret-to-publish",
    "play_token": "secret-to-play",
    "room_tokens": "red:secret-of-red",
    "room_publish_tokens": "red:secret-to-publish-red",
    "room_play_tokens": "red:secret-to-play-red",
    "admin_token": "secret-of-admin",
    "jwt_secret": SECRET,
}

NOBODY: set[str] = set()
RED, BLUE, BOTH = {"red"}, {"blue"}, {"red", "blue"}


class Opens(NamedTuple):
    """The rooms in which a credential publishes, plays, reads recordings, and operates as an `operator`."""

    publish: set[str]
    play: set[str]
    read: set[str]
    operate: set[str]
    operator: str = ""
    cluster: bool = False  # operates the whole cluster
    anything: bool = True


TABLE = {
    "none": ("", Opens(NOBODY, NOBODY, NOBODY, NOBODY, anything=False)),
    "wrong": ("wrong", Opens(NOBODY, NOBODY, NOBODY, NOBODY, anything=False)),
    "to publish": ("secret-to-publish", Opens(BLUE, NOBODY, NOBODY, NOBODY)),
    "to play": ("secret-to-play", Opens(NOBODY, BLUE, BLUE, NOBODY)),
    "of red": ("secret-of-red", Opens(RED, RED, RED, NOBODY)),
    "admin": ("secret-of-admin", Opens(NOBODY, NOBODY, BOTH, BOTH, "admin", cluster=True)),
    "jwt for red": (signed(room="red"), Opens(RED, RED, RED, NOBODY)),
    "jwt of admin of red": (signed(role="admin", room="red"), Opens(RED, RED, RED, RED, "admin")),
    "jwt of moderator": (
        signed(role="moderate", actions=[]),
        Opens(NOBODY, NOBODY, NOBODY, BOTH, "moderate", cluster=True),
    ),
    "jwt of moderator of red": (
        signed(role="moderate", actions=["play"], room="red"),
        Opens(NOBODY, RED, RED, RED, "moderate"),
    ),
    "jwt to watch": (
        signed(role="watch", actions=[]),
        Opens(NOBODY, NOBODY, NOBODY, BOTH, "watch", cluster=True),
    ),
    "jwt of another role": (signed(role="owner", actions=[]), Opens(NOBODY, NOBODY, NOBODY, NOBODY)),
}


OPERATORS = ("", "watch", "moderate", "admin")  # each may do what those before may
OF_A_ROOM = (
    ("admin", "DELETE", "/api/admin/records/{room}_9.webm"),
    ("watch", "GET", "/api/admin/sessions?room={room}"),
    ("watch", "GET", "/api/admin/sessions/{session}/line?room={room}"),
    ("moderate", "POST", "/api/admin/rooms/{room}/close"),
    ("moderate", "POST", "/api/admin/rooms/{room}/switch"),
    ("moderate", "DELETE", "/api/admin/blocks/{room}"),
    ("watch", "GET", "/api/admin/rooms/{room}"),
    ("admin", "DELETE", "/api/admin/rooms/{room}"),
    ("moderate", "DELETE", "/api/admin/sessions/{session}?room={room}"),
)
OF_THE_CLUSTER = (
    ("admin", "POST", "/api/admin/workers/w1/drain"),
    ("admin", "POST", "/api/admin/workers/w1/undrain"),
    ("admin", "DELETE", "/api/admin/workers/w1/drain"),
    ("watch", "GET", "/api/admin/sessions"),
    ("watch", "GET", "/api/admin/sessions/{session}/line"),
    ("moderate", "DELETE", "/api/admin/sessions/{session}"),
    ("watch", "GET", "/api/admin/blocks"),
    ("watch", "GET", "/api/admin/rooms"),
    ("watch", "GET", "/api/admin/revocations"),
    ("admin", "POST", "/api/admin/revocations"),
    ("admin", "DELETE", "/api/admin/revocations/jti-1"),
    ("watch", "GET", "/api/workers"),
    ("watch", "GET", "/api/admin/webhooks/dead"),
    ("admin", "POST", "/api/admin/webhooks/dead/replay"),
    ("admin", "DELETE", "/api/admin/records/no-name"),
)


async def is_open(http: httpx.AsyncClient, method: str, path: str, body: bytes | None = None) -> bool:
    """Whether the answer is another one than 401."""
    async with http.stream(method, path, content=body, headers=SDP if body else {}) as response:
        return response.status_code != 401


@pytest.mark.parametrize("name", TABLE)
async def test_a_credential_opens_its_rooms_and_nothing_else(name: str, stage: Stage, tmp_path: Path) -> None:
    worker = await stage.worker()
    for room in ROOMS:
        await worker.publish_in(room)
        (tmp_path / f"{room}_1.webm").write_bytes(b"recorded")
    http = await stage.control(record_dir=str(tmp_path), **SETTINGS)
    http.event_hooks = {}  # test_openapi.py sees each of these answers
    token, opens = TABLE[name]
    if token:
        http.headers["Authorization"] = f"Bearer {token}"
    publish, play, read = (set[str]() for _ in range(3))
    rank = OPERATORS.index(opens.operator)
    for room in ROOMS:
        whip, whep = f"/api/whip/publish/{room}", f"/api/whep/play/{room}"
        if await is_open(http, "POST", whip, PUBLISH_OFFER):
            publish.add(room)
        if await is_open(http, "POST", whep, PLAY_OFFER):
            play.add(room)
        # a session's URL is credential enough, and a wrong token beside it is refused
        for method, path, rooms in (
            ("GET", f"{whip}/{SESSION}", opens.publish),
            ("PATCH", f"{whip}/{SESSION}", opens.publish),
            ("DELETE", f"{whip}/{SESSION}", opens.publish),
            ("GET", f"{whep}/{SESSION}", opens.play),
            ("PATCH", f"{whep}/{SESSION}", opens.play),
            ("DELETE", f"{whep}/{SESSION}", opens.play),
            ("POST", f"{whep}/{SESSION}/layer", opens.play),
            ("POST", f"{whep}/{SESSION}/viewing", opens.play),
            ("POST", f"{whep}/{SESSION}/events", opens.play),
            ("GET", f"{whep}/{SESSION}/events", opens.play),
            ("DELETE", f"{whep}/{SESSION}/events/airv-12345678901", opens.play),
        ):
            assert await is_open(http, method, path) is (not token or room in rooms), (method, path)
        reads = {await is_open(http, method, f"/records/{room}_1.webm") for method in ("GET", "HEAD")}
        if reads == {True}:
            read.add(room)
        else:
            assert reads == {False}
        for least, method, path in OF_A_ROOM:
            may = room in opens.operate and rank >= OPERATORS.index(least)
            assert await is_open(http, method, path.format(room=room, session=SESSION)) is may, path
        # what the contract leaves open to everybody
        assert (await http.get(f"/api/rooms/{room}")).status_code == 200
    listed = await http.get("/api/records")
    assert listed.status_code == (200 if opens.anything else 401)
    if opens.anything:
        assert {entry["name"].partition("_")[0] for entry in listed.json()} == opens.read
    for least, method, path in OF_THE_CLUSTER:
        may = opens.cluster and rank >= OPERATORS.index(least)
        assert await is_open(http, method, path.format(session=SESSION)) is may, path
    assert (publish, play, read) == opens[:3]


async def test_a_jwt_may_name_standing_by_alone(stage: Stage) -> None:
    await stage.worker()
    http = await stage.control(jwt_secret=SECRET)
    http.headers["Authorization"] = f"Bearer {signed(actions=['standby'])}"
    whip = "/api/whip/publish/red"
    assert not await is_open(http, "POST", whip, PUBLISH_OFFER)
    assert await is_open(http, "POST", f"{whip}?standby=true", PUBLISH_OFFER)
    assert await is_open(http, "DELETE", f"{whip}/{SESSION}")
    assert not await is_open(http, "POST", "/api/whep/play/red?standby=true", PLAY_OFFER)
