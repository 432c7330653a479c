"""Every kind of credential, on every route that opens something of a room, with a token of its own or not.

tests/unit/control/access has the matrix of settings and claims.
"""

from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.integration.control.conftest import Stage
from tests.integration.control.description import description
from tests.integration.control.row import PARAMETERS, SDP, SESSION
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

    publish: set[str] = NOBODY
    play: set[str] = NOBODY
    read: set[str] = NOBODY
    operate: set[str] = NOBODY
    operator: str = ""
    cluster: bool = False  # operates the whole cluster
    record: set[str] = NOBODY  # where it may begin and end a recording
    tell: set[str] = NOBODY  # where it may send messages
    anything: bool = True


TABLE = {
    "none": ("", Opens(anything=False)),
    "wrong": ("wrong", Opens(anything=False)),
    "AUTH_TOKEN": ("secret-of-all", Opens(BLUE, BLUE, BLUE, tell=BLUE)),
    "PUBLISH_TOKEN": ("secret-to-publish", Opens(BLUE, tell=BLUE)),
    "PLAY_TOKEN": ("secret-to-play", Opens(NOBODY, BLUE, BLUE)),
    "token of red": ("secret-of-red", Opens(RED, RED, RED, tell=RED)),
    "token of red, to publish": ("secret-to-publish-red", Opens(RED, tell=RED)),
    "token of red, to play": ("secret-to-play-red", Opens(NOBODY, RED, RED)),
    "ADMIN_TOKEN": (
        "secret-of-admin",
        Opens(NOBODY, NOBODY, BOTH, BOTH, "admin", cluster=True, record=BOTH, tell=BOTH),
    ),
    "jwt": (signed(), Opens(BOTH, BOTH, BOTH, record=BOTH, tell=BOTH)),
    "jwt for red": (signed(room="red"), Opens(RED, RED, RED, record=RED, tell=RED)),
    "jwt for blue": (signed(room="blue"), Opens(BLUE, BLUE, BLUE, record=BLUE, tell=BLUE)),
    "publisher's jwt for red": (signed(room="red", actions=["publish"]), Opens(RED, tell=RED)),
    "viewer's jwt for red": (signed(room="red", actions=["play"]), Opens(NOBODY, RED, RED)),
    "viewer's jwt": (signed(actions=["play"]), Opens(NOBODY, BOTH, BOTH)),
    "jwt to record red": (signed(room="red", actions=["record"]), Opens(record=RED)),
    "jwt to tell red": (signed(room="red", actions=["message"]), Opens(tell=RED)),
    "jwt of admin": (
        signed(role="admin", actions=[]),
        Opens(NOBODY, NOBODY, BOTH, BOTH, "admin", cluster=True, record=BOTH, tell=BOTH),
    ),
    "jwt of admin of red": (
        signed(role="admin", room="red"),
        Opens(RED, RED, RED, RED, "admin", record=RED, tell=RED),
    ),
    "jwt of moderator": (
        signed(role="moderate", actions=[]),
        Opens(NOBODY, NOBODY, NOBODY, BOTH, "moderate", cluster=True, tell=BOTH),
    ),
    "jwt of moderator of red": (
        signed(role="moderate", actions=["play"], room="red"),
        Opens(NOBODY, RED, RED, RED, "moderate", tell=RED),
    ),
    "jwt to watch": (
        signed(role="watch", actions=[]),
        Opens(NOBODY, NOBODY, NOBODY, BOTH, "watch", cluster=True),
    ),
    "jwt to watch red": (
        signed(role="watch", actions=[], room="red"),
        Opens(NOBODY, NOBODY, NOBODY, RED, "watch"),
    ),
    "jwt of another role": (signed(role="owner", actions=[]), Opens()),
    "jwt that has expired": (signed(role="admin", exp=1), Opens(anything=False)),
}

OPERATORS = ("", "watch", "moderate", "admin")  # each may do what those before may
WHIP, WHEP = "/api/whip/publish/{room}", "/api/whep/play/{room}"
# Who may do each operation of the description. "operator of the room" may be one of the cluster, too.
OPERATIONS = {
    **dict.fromkeys(
        (
            *("GET /", "GET /admin", "GET /docs", "GET /embed/{room}", "GET /openapi.yaml"),
            *("GET /publish/{room}", "GET /recordings", "GET /static/{path}", "GET /watch/{room}"),
            *("GET /web/index.html", "GET /web/player.html", "GET /web/publisher.html"),
            *("GET /healthz", "GET /readyz", "GET /metrics", "GET /api/bootstrap", "GET /api/rooms"),
            *("GET /api/rooms/events", "GET /api/rooms/{room}", f"GET {WHIP}", f"GET {WHEP}"),
        ),
        "everybody",
    ),
    f"POST {WHIP}": "publishers",
    f"POST {WHEP}": "viewers",
    "GET /api/rooms/{room}/still": "viewers",
    **dict.fromkeys(
        (f"{method} {WHIP}/{{session}}" for method in ("GET", "PATCH", "DELETE")), "session of a publisher"
    ),
    **dict.fromkeys(
        (
            *(f"{method} {WHEP}/{{session}}" for method in ("GET", "PATCH", "DELETE")),
            *(f"POST {WHEP}/{{session}}/{what}" for what in ("layer", "viewing", "events")),
            f"GET {WHEP}/{{session}}/events",
            *(f"{method} {WHEP}/{{session}}/events/{{stream}}" for method in ("GET", "DELETE")),
        ),
        "session of a viewer",
    ),
    "GET /api/records": "anybody known",
    "GET /records/{name}": "readers",
    "GET /records/{name}/still": "readers",
    "POST /api/rooms/{room}/messages": "tellers",
    **dict.fromkeys(
        (f"{method} /api/admin/rooms/{{room}}/recording" for method in ("GET", "POST", "PATCH", "DELETE")),
        "recorders",
    ),
    "DELETE /api/admin/records/{name}": "admin of the room",
    "PUT /api/admin/rooms/{room}": "admin of the room",
    "PATCH /api/admin/rooms/{room}": "admin of the room",
    "DELETE /api/admin/rooms/{room}": "admin of the room",
    "GET /api/admin/rooms/{room}": "watch of the room",
    "POST /api/admin/rooms/{room}/close": "moderate of the room",
    "POST /api/admin/rooms/{room}/switch": "moderate of the room",
    "DELETE /api/admin/blocks/{room}": "moderate of the room",
    "GET /api/admin/sessions?room={room}": "watch of the room",
    "GET /api/admin/sessions/{session}/line?room={room}": "watch of the room",
    "DELETE /api/admin/sessions/{session}?room={room}": "moderate of the room",
    "GET /api/admin/events?room={room}": "watch of the cluster",
    "GET /api/admin/sessions": "watch of the cluster",
    "GET /api/admin/sessions/{session}/line": "watch of the cluster",
    "DELETE /api/admin/sessions/{session}": "moderate of the cluster",
    "GET /api/admin/events": "watch of the cluster",
    "GET /api/admin/blocks": "watch of the cluster",
    "GET /api/admin/rooms": "watch of the cluster",
    "GET /api/admin/revocations": "watch of the cluster",
    "POST /api/admin/revocations": "admin of the cluster",
    "DELETE /api/admin/revocations/{revocation}": "admin of the cluster",
    "GET /api/admin/webhooks/dead": "watch of the cluster",
    "POST /api/admin/webhooks/dead/replay": "admin of the cluster",
    "POST /api/admin/webhooks/dead/{letter}/replay": "admin of the cluster",
    "POST /api/admin/workers/{worker}/drain": "admin of the cluster",
    "DELETE /api/admin/workers/{worker}/drain": "admin of the cluster",
    "POST /api/admin/workers/{worker}/undrain": "admin of the cluster",
    "GET /api/workers": "watch of the cluster",
    "GET /api/metrics/targets": "watch of the cluster",
}


def may(opens: Opens, who: str, room: str, token: str) -> bool:
    """Whether the credential opens to `who` (of `OPERATIONS`) what belongs to `room`."""
    least, _, where = who.partition(" of the ")
    if where:
        in_reach = opens.cluster if where == "cluster" else room in opens.operate
        return in_reach and OPERATORS.index(opens.operator) >= OPERATORS.index(least)
    rooms = {
        "everybody": BOTH,
        "anybody known": BOTH if opens.anything else NOBODY,
        "publishers": opens.publish,
        "viewers": opens.play,
        # a session's URL is credential enough, and a wrong token beside it is refused
        "session of a publisher": opens.publish if token else BOTH,
        "session of a viewer": opens.play if token else BOTH,
        "readers": opens.read,
        "tellers": opens.tell,
        "recorders": opens.record,
    }[who]
    return room in rooms


async def is_open(http: httpx.AsyncClient, method: str, path: str, body: bytes | None = None) -> bool:
    """Whether the answer is another one than 401."""
    async with http.stream(method, path, content=body, headers=SDP if body else {}) as response:
        return response.status_code != 401


def test_each_operation_of_the_description_has_its_row() -> None:
    described = {
        f"{method} {path}" for path, method in description().operations() if method not in ("OPTIONS", "HEAD")
    }
    assert {operation.partition("?")[0] for operation in OPERATIONS} == described


@pytest.mark.parametrize("name", TABLE)
async def test_a_credential_opens_its_rooms_and_nothing_else(name: str, stage: Stage, tmp_path: Path) -> None:
    worker = await stage.worker()
    for room in ROOMS:
        await worker.publish_in(room)
        (tmp_path / f"{room}_1.webm").write_bytes(b"recorded")
    http = await stage.control(record_dir=str(tmp_path), snapshots=True, **SETTINGS)
    http.event_hooks = {}  # test_openapi.py sees each of these answers
    token, opens = TABLE[name]
    if token:
        http.headers["Authorization"] = f"Bearer {token}"
    bodies = {f"POST {WHIP}": PUBLISH_OFFER, f"POST {WHEP}": PLAY_OFFER}
    # what deletes a recording comes last
    for operation in sorted(
        OPERATIONS, key=lambda operation: "records" in operation and "DELETE" in operation
    ):
        method, path = operation.split()
        for room in ROOMS:
            asked = path.format_map(PARAMETERS | {"room": room, "name": f"{room}_1.webm"})
            is_meant = may(opens, OPERATIONS[operation], room, token)
            assert await is_open(http, method, asked, bodies.get(operation)) is is_meant, (operation, room)
    listed = await http.get("/api/records")
    if opens.anything and "admin" not in name.lower():  # an admin has just deleted them
        assert {entry["name"].partition("_")[0] for entry in listed.json()} == opens.read


@pytest.mark.parametrize("path", ["/api/rooms?limit=1&limit=2", "/api/admin/sessions?room=red&room=blue"])
async def test_a_parameter_given_twice_is_refused(path: str, stage: Stage) -> None:
    http = await stage.control(**SETTINGS)
    response = await http.get(path, headers={"Authorization": "Bearer secret-of-admin"})
    assert (response.status_code, response.json()["error"]) == (400, "invalid query")
    assert response.json()["detail"] == f"{path.partition('?')[2].partition('=')[0]} is given twice"


async def test_a_jwt_may_name_standing_by_alone(stage: Stage) -> None:
    await stage.worker()
    http = await stage.control(jwt_secret=SECRET)
    http.headers["Authorization"] = f"Bearer {signed(actions=['standby'])}"
    whip = "/api/whip/publish/red"
    assert not await is_open(http, "POST", whip, PUBLISH_OFFER)
    assert await is_open(http, "POST", f"{whip}?standby=true", PUBLISH_OFFER)
    assert await is_open(http, "DELETE", f"{whip}/{SESSION}")
    assert not await is_open(http, "POST", "/api/whep/play/red?standby=true", PLAY_OFFER)
