"""Rows of the queries, of administration, and of everything else that is served."""

from typing import Any

from shared.errors import ErrorCode
from shared.messages.records import GetRecordStill, RecordStill
from shared.messages.rulings import EndedSession, EndSession, jti_id
from shared.messages.sessions import LineRead, ReadLine
from shared.messages.signalling import Answer, Closed, CloseRoom, SwitchRoom
from shared.messages.stills import GetStill, Still
from tests.integration.control.row import (
    BAD_METHOD,
    BAD_RULING,
    BAD_SETTINGS,
    BAD_TYPE,
    INVALID_EVENTS,
    INVALID_MESSAGE,
    INVALID_ROOM,
    NO_ROOM,
    NO_RULING,
    NO_SESSION,
    NO_SUCH_WORKER,
    NOT_FOUND,
    NOT_MARKED,
    NOTHING_SET,
    SESSION,
    TOKENS,
    TOO_MUCH,
    UNAUTHORIZED,
    UNAVAILABLE,
    UNFORESEEN,
    Row,
    fails,
    refuses,
)

_SWITCH = "POST /api/admin/rooms/demo/switch"
_CLOSE = "POST /api/admin/rooms/demo/close"
_ADMIN = {
    "settings": {"admin_token": "secret-of-admin"},
    "headers": {"Authorization": "Bearer secret-of-admin"},
}


def _says(body: bytes) -> dict[str, Any]:
    return {"headers": {"Content-Type": "application/json"}, "body": body}


def _sends(body: bytes) -> dict[str, Any]:
    headers = _ADMIN["headers"] | {"Content-Type": "application/json"}
    return _ADMIN | {"headers": headers, "body": body}


_ROOM: dict[str, Any] = {**_ADMIN, "published": "demo"}
_ANONYMOUS = {"settings": {"admin_token": "secret-of-admin"}, "published": "demo"}
_PUBLISHER = {
    "settings": {"admin_token": "secret-of-admin"} | TOKENS,
    "headers": {"Authorization": "Bearer secret-of-all"},
}
_NONSENSE = {"answers": {CloseRoom: Answer(session="", sdp="", etag="")}}
PAGES = ("/", "/publish/demo", "/watch/demo", "/embed/demo", "/recordings", "/admin", "/docs")
OLD_PAGES = ("index", "publisher", "player")
_HAS_IT = {"headers": {"If-None-Match": "*"}}

_BLOCK: dict[str, Any] = _sends(b'{"block": 60, "reason": "why"}')
_END = f"DELETE /api/admin/sessions/{SESSION}"
_REVOKE = "POST /api/admin/revocations"
_BLOCKS, _REVOCATIONS = "GET /api/admin/blocks", "GET /api/admin/revocations"
_LIFT = "DELETE /api/admin/blocks/"
_UNREVOKE = "DELETE /api/admin/revocations/"
_ENDED = {"answers": {EndSession: EndedSession(room="demo", role="play")}}
_LINE = f"GET /api/admin/sessions/{SESSION}/line"
_READ = {"answers": {ReadLine: LineRead(log='{"version":1,"now":61.5,"parts":[]}')}}
_PLAIN: dict[str, Any] = _sends(b"{}") | {"headers": _ADMIN["headers"]}

_EVENTS = "GET /api/admin/events"

MODERATION_ROWS = [
    Row("block: is 200", _CLOSE, 200, published="demo", **_BLOCK),
    Row("block: a room that is not, too", _CLOSE, 200, **_BLOCK),
    Row("block: without credentials it is 401", _CLOSE, 401, UNAUTHORIZED, **(_ANONYMOUS | {"body": b"{}"})),
    Row("block: what is no number of seconds is 400", _CLOSE, 400, BAD_RULING, **_sends(b'{"block": "1"}')),
    Row("block: what is too large is 413", _CLOSE, 413, TOO_MUCH, **_sends(b" " * 8193)),
    Row("block: what is no JSON is 415", _CLOSE, 415, BAD_TYPE, **_PLAIN),
    Row("blocks: an admin sees them", _BLOCKS, 200, **_ADMIN),
    Row("blocks: a page without an end is 400", f"{_BLOCKS}?limit=x", 400, "invalid page", **_ADMIN),
    Row("blocks: others are 401", _BLOCKS, 401, UNAUTHORIZED, **_ANONYMOUS),
    Row("lift: others are 401", f"{_LIFT}demo", 401, UNAUTHORIZED, **_ANONYMOUS),
    Row("lift: what is not blocked is 404", f"{_LIFT}red", 404, NO_RULING, **_ADMIN),
    Row("lift: a bad name is 404", f"{_LIFT}a.b", 404, NO_RULING, **_ADMIN),
    Row("lift: what is blocked is 200", f"{_LIFT}demo", 200, blocked="demo", **_ADMIN),
    Row("revoke: is 201", _REVOKE, 201, **_sends(b'{"jti": "1"}')),
    Row("revoke: two claims are 400", _REVOKE, 400, BAD_RULING, **_sends(b'{"jti": "1", "subject": "2"}')),
    Row("revoke: others are 401", _REVOKE, 401, UNAUTHORIZED, **_ANONYMOUS),
    Row("revoke: what is too large is 413", _REVOKE, 413, TOO_MUCH, **_sends(b" " * 8193)),
    Row("revoke: what is no JSON is 415", _REVOKE, 415, BAD_TYPE, **_PLAIN),
    Row("revocations: an admin sees them", _REVOCATIONS, 200, **_ADMIN),
    Row(
        "revocations: a page without an end is 400", f"{_REVOCATIONS}?limit=x", 400, "invalid page", **_ADMIN
    ),
    Row("revocations: others are 401", _REVOCATIONS, 401, UNAUTHORIZED, **_ANONYMOUS),
    Row("unrevoke: others are 401", f"{_UNREVOKE}jti-1", 401, UNAUTHORIZED, **_ANONYMOUS),
    Row("unrevoke: what is not revoked is 404", f"{_UNREVOKE}jti-1", 404, NO_RULING, **_ADMIN),
    Row("unrevoke: what is revoked is 200", f"{_UNREVOKE}{jti_id('1')}", 200, revoked="1", **_ADMIN),
    Row("end: a session is 200", _END, 200, **_ADMIN, **_ENDED),
    Row("end: a bad room is 400", f"{_END}?room=a.b", 400, INVALID_ROOM, **_ADMIN),
    Row("end: others are 401", _END, 401, UNAUTHORIZED, **_ANONYMOUS),
    Row("end: what is no session is 404", "DELETE /api/admin/sessions/w1", 404, NO_SESSION, **_ADMIN),
    Row("end: of no worker is 404", "DELETE /api/admin/sessions/w2.abcd", 404, NO_SESSION, **_ADMIN),
    Row(
        "end: one of several is 409",
        _END,
        409,
        "several sessions match",
        **_ADMIN,
        **refuses(EndSession, ErrorCode.AMBIGUOUS_SESSION),
    ),
]

LINE_ROWS = [
    Row("line: of a session is 200", _LINE, 200, **_ADMIN, **_READ),
    Row("line: a bad room is 400", f"{_LINE}?room=a.b", 400, INVALID_ROOM, **_ADMIN),
    Row("line: others are 401", _LINE, 401, UNAUTHORIZED, **_ANONYMOUS),
    Row("line: of no session is 404", "GET /api/admin/sessions/w1/line", 404, NO_SESSION, **_ADMIN),
    Row(
        "line: of one of several is 409",
        _LINE,
        409,
        "several sessions match",
        **_ADMIN,
        **refuses(ReadLine, ErrorCode.AMBIGUOUS_SESSION),
    ),
]

_SETTINGS, _OF_ROOMS = "/api/admin/rooms/demo", "GET /api/admin/rooms"
_MARK = f"PATCH {_SETTINGS}/recording"
_SET: dict[str, Any] = _sends(b'{"seats": 5, "publishTokens": ["0123456789abcdef"], "labels": {"a": "b"}}')

SETTINGS_ROWS = [
    Row("rooms' settings: an admin sees them", _OF_ROOMS, 200, configured="demo", **_ADMIN),
    Row("rooms' settings: others are 401", _OF_ROOMS, 401, UNAUTHORIZED, **_ANONYMOUS),
    Row("rooms' settings: no page is 400", f"{_OF_ROOMS}?limit=x", 400, "invalid page", **_ADMIN),
    Row("a room's settings: are 200", f"GET {_SETTINGS}", 200, configured="demo", **_ADMIN),
    Row("a room's settings: others are 401", f"GET {_SETTINGS}", 401, UNAUTHORIZED, **_ANONYMOUS),
    Row("a room's settings: none are 404", f"GET {_SETTINGS}", 404, NOTHING_SET, **_ADMIN),
    Row("a room's settings: a bad name is 400", "GET /api/admin/rooms/a.b", 400, INVALID_ROOM, **_ADMIN),
    Row("a room's settings: POST is 405", f"POST {_SETTINGS}", 405, BAD_METHOD),
    *(
        row
        for method in ("PUT", "PATCH")
        for row in (
            Row(f"{method} settings: is 200", f"{method} {_SETTINGS}", 200, **_SET),
            Row(f"{method} settings: others are 401", f"{method} {_SETTINGS}", 401, **_ANONYMOUS),
            Row(f"{method} settings: of no room", f"{method} /api/admin/rooms/a.b", 400, **_SET),
            Row(
                f"{method} settings: what is unknown is 400",
                f"{method} {_SETTINGS}",
                400,
                BAD_SETTINGS,
                **_sends(b'{"a": 1}'),
            ),
            Row(f"{method} settings: too large", f"{method} {_SETTINGS}", 413, **_sends(b" " * 16_385)),
            Row(f"{method} settings: no JSON", f"{method} {_SETTINGS}", 415, BAD_TYPE, **_PLAIN),
        )
    ),
    Row("record: is 200", f"POST {_SETTINGS}/recording", 200, **_sends(b'{"name": "a", "labels": {}}')),
    Row("record: without a body is 200", f"POST {_SETTINGS}/recording", 200, **_ADMIN),
    Row("record: others are 401", f"POST {_SETTINGS}/recording", 401, UNAUTHORIZED, **_ANONYMOUS),
    Row("record: a publisher's token is 401", f"POST {_SETTINGS}/recording", 401, **_PUBLISHER),
    Row("record: what is no name is 400", f"POST {_SETTINGS}/recording", 400, **_sends(b'{"name": 1}')),
    Row("record: too large is 413", f"POST {_SETTINGS}/recording", 413, **_sends(b" " * 16_385)),
    Row("record: what is no JSON is 415", f"POST {_SETTINGS}/recording", 415, BAD_TYPE, **_PLAIN),
    Row("record: PUT is 405", f"PUT {_SETTINGS}/recording", 405, BAD_METHOD),
    Row("recording: is 200", f"GET {_SETTINGS}/recording", 200, configured="demo", **_ADMIN),
    Row("recording: where nothing is set is 200", f"GET {_SETTINGS}/recording", 200, **_ADMIN),
    Row("recording: others are 401", f"GET {_SETTINGS}/recording", 401, UNAUTHORIZED, **_ANONYMOUS),
    Row("recording: of no room", "GET /api/admin/rooms/a.b/recording", 400, INVALID_ROOM, **_ADMIN),
    Row("mark: is 200", _MARK, 200, configured="demo", **_sends(b'{"paused": true, "beginClip": "a"}')),
    Row("mark: what is not recorded is 409", _MARK, 409, NOT_MARKED, **_sends(b'{"paused": true}')),
    Row(
        "mark: no such clip is 409", _MARK, 409, NOT_MARKED, configured="demo", **_sends(b'{"endClip": "a"}')
    ),
    Row("mark: nothing is 400", _MARK, 400, BAD_SETTINGS, configured="demo", **_sends(b"{}")),
    Row("mark: others are 401", _MARK, 401, UNAUTHORIZED, **_ANONYMOUS),
    Row("mark: too large is 413", _MARK, 413, **_sends(b" " * 16_385)),
    Row("mark: what is no JSON is 415", _MARK, 415, BAD_TYPE, **_PLAIN),
    Row("stop: is 200", f"DELETE {_SETTINGS}/recording", 200, configured="demo", **_ADMIN),
    Row("stop: where nothing is recorded is 200", f"DELETE {_SETTINGS}/recording", 200, **_ADMIN),
    Row("stop: others are 401", f"DELETE {_SETTINGS}/recording", 401, UNAUTHORIZED, **_ANONYMOUS),
    Row("stop: of no room", "DELETE /api/admin/rooms/a.b/recording", 400, INVALID_ROOM, **_ADMIN),
    Row("forget settings: is 200", f"DELETE {_SETTINGS}", 200, configured="demo", **_ADMIN),
    Row("forget settings: none are 404", f"DELETE {_SETTINGS}", 404, NOTHING_SET, **_ADMIN),
    Row("forget settings: of no room", "DELETE /api/admin/rooms/a.b", 400, INVALID_ROOM, **_ADMIN),
    Row("forget settings: others are 401", f"DELETE {_SETTINGS}", 401, UNAUTHORIZED, **_ANONYMOUS),
]

ADMIN_ROWS = [
    Row("close: a room is closed with 200", _CLOSE, 200, published="demo", **_ADMIN),
    Row("close: without credentials it is 401", _CLOSE, 401, UNAUTHORIZED, **_ANONYMOUS),
    Row("close: a publisher's token is 401", _CLOSE, 401, UNAUTHORIZED, **_PUBLISHER),
    Row("close: with no admin configured it is 401", _CLOSE, 401, UNAUTHORIZED, published="demo"),
    Row("close: a room that is not is 404", _CLOSE, 404, NO_ROOM, **_ADMIN),
    Row("close: a bad name is a room that is not", "POST /api/admin/rooms/a.b/close", 404, NO_ROOM, **_ADMIN),
    Row("close: GET is 405", "GET /api/admin/rooms/demo/close", 405, BAD_METHOD),
    Row("switch: the next one is on", _SWITCH, 200, **_ROOM),
    Row("switch: a publisher's token is 401", _SWITCH, 401, UNAUTHORIZED, **_PUBLISHER),
    Row("switch: a room that is not is 404", _SWITCH, 404, NO_ROOM, **_ADMIN),
    Row(
        "switch: a bad name is a room that is not", "POST /api/admin/rooms/a.b/switch", 404, NO_ROOM, **_ADMIN
    ),
    Row("switch: GET is 405", "GET /api/admin/rooms/demo/switch", 405, BAD_METHOD),
    Row(
        "switch: with nobody else it is 409",
        _SWITCH,
        409,
        "nobody else publishes in this room",
        **_ROOM,
        **refuses(SwitchRoom, ErrorCode.NO_STANDBY),
    ),
    Row("close: a worker's bug is 500", _CLOSE, 500, UNFORESEEN, **_ROOM, **fails(CloseRoom)),
    Row("close: a reply that makes no sense is none", _CLOSE, 503, UNAVAILABLE, **_ROOM, **_NONSENSE),
    *(
        row
        for ask in (
            "POST /api/admin/workers/{}/drain",
            "DELETE /api/admin/workers/{}/drain",
            "POST /api/admin/workers/{}/undrain",
        )
        for row in (
            Row(f"{ask}: is 200", ask.format("w1"), 200, **_ADMIN),
            Row(f"{ask}: without credentials is 401", ask.format("w1"), 401, UNAUTHORIZED, **_ANONYMOUS),
            Row(f"{ask}: a publisher's token is 401", ask.format("w1"), 401, UNAUTHORIZED, **_PUBLISHER),
            Row(f"{ask}: with no admin configured is 401", ask.format("w1"), 401, UNAUTHORIZED),
            Row(f"{ask}: a worker that is not is 404", ask.format("w2"), 404, NO_SUCH_WORKER, **_ADMIN),
            Row(f"{ask}: a bad name is 404", ask.format("a.b"), 404, NO_SUCH_WORKER, **_ADMIN),
            Row(f"{ask}: PUT is 405", ask.format("w1").replace(ask.split()[0], "PUT"), 405, BAD_METHOD),
        )
    ),
    Row("sessions: an admin sees them", "GET /api/admin/sessions", 200, **_ADMIN),
    Row("sessions: of one room", "GET /api/admin/sessions?room=demo", 200, **_ADMIN),
    Row("sessions: a bad name is 400", "GET /api/admin/sessions?room=a.b", 400, INVALID_ROOM, **_ADMIN),
    Row("sessions: others are 401", "GET /api/admin/sessions", 401, UNAUTHORIZED, **_ANONYMOUS),
    Row("events: an admin follows them", _EVENTS, 200, **_ADMIN),
    Row("events: their head is 200", "HEAD /api/admin/events", 200, **_ADMIN),
    Row("events: of sessions of a bad room are 400", f"{_EVENTS}?room=a.b", 400, INVALID_ROOM, **_ADMIN),
    Row("events: of no role are 400", f"{_EVENTS}?role=guest", 400, INVALID_EVENTS, **_ADMIN),
    Row("events: others are 401", _EVENTS, 401, UNAUTHORIZED, **_ANONYMOUS),
    Row("events: with no admin configured are 401", _EVENTS, 401, UNAUTHORIZED),
    *MODERATION_ROWS,
    *LINE_ROWS,
    *SETTINGS_ROWS,
    Row("workers: an admin sees them", "GET /api/workers", 200, **_ADMIN),
    Row("workers: others are 401", "GET /api/workers", 401, UNAUTHORIZED, **_ANONYMOUS),
    Row("workers: with no admin configured all see them", "GET /api/workers", 200, published="demo"),
]

RECORD = "demo_1710123456.webm"
_GET = f"GET /records/{RECORD}"
_DELETE = f"DELETE /api/admin/records/{RECORD}"
_CLOSED = {"settings": TOKENS}
_TELL = "POST /api/rooms/demo/messages"
_STILL = "GET /api/rooms/demo/still"
_SHOWN = {GetStill: Still(jpeg=b"picture", taken_at=1.0)}
_PICTURED = {GetRecordStill: RecordStill(jpeg=b"picture")}
_NO_STILL = {GetStill: Closed(sessions=1)}
_HAS_STILL = {"If-None-Match": "*"}
_TARGETS = "GET /api/metrics/targets"
_ELSEWHERE = {"settings": {"metrics_addr": "127.0.0.1:0"}}
_OUT_OF_RECORDS = "GET /records/..%2f..%2fetc%2fpasswd"

_MANY_ROOMS = "/api/rooms/events?" + "&".join(f"room=r{number}" for number in range(21))

OTHER_ROWS = [
    Row("bootstrap is 200", "GET /api/bootstrap", 200),
    Row("the rooms are 200", "GET /api/rooms", 200),
    Row("a page of rooms is 200", "GET /api/rooms?limit=2&after=demo", 200),
    Row("a page without an end is 400", "GET /api/rooms?limit=all", 400, "invalid page"),
    Row("a page is checked beside a name, too", "GET /api/rooms?name=demo&limit=x", 400, "invalid page"),
    Row("a page has 10,000 rooms at most", "GET /api/rooms?limit=10001", 400, "invalid page"),
    Row("the events of no room's name are 400", "GET /api/rooms/events?room=a.b", 400, INVALID_ROOM),
    Row("a stream of 21 rooms is 400", f"GET {_MANY_ROOMS}", 400, INVALID_EVENTS),
    Row("events of rooms are not sent there", "POST /api/rooms/events", 405, BAD_METHOD),
    Row("the events of a room are 200", "GET /api/rooms/events?room=demo", 200),
    Row("the head of a stream is 200", "HEAD /api/rooms/events?room=demo", 200),
    Row("a room in detail is 200", "GET /api/rooms/demo", 200, published="demo"),
    Row("a room that is not is 404", "GET /api/rooms/demo", 404, NO_ROOM),
    Row("a message is 202", _TELL, 202, published="demo", **_says(b'{"text":"hi"}')),
    Row("a message to a room that is not is 404", _TELL, 404, NO_ROOM, **_says(b"{}")),
    Row("a message that is no object is 400", _TELL, 400, INVALID_MESSAGE, **_says(b'["hi"]')),
    Row("one that is no JSON is 400", _TELL, 400, INVALID_MESSAGE, **_says(b"[" * 4000)),
    Row("one with a number that is none is 400", _TELL, 400, INVALID_MESSAGE, **_says(b'{"a":NaN}')),
    Row("a message without a type is 415", _TELL, 415, BAD_TYPE, body=b"{}"),
    Row("a long message is 413", _TELL, 413, TOO_MUCH, **_says(b'{"a":"%s"}' % bytes(4096))),
    Row("a message of a stranger is 401", _TELL, 401, UNAUTHORIZED, settings=TOKENS, **_says(b"{}")),
    Row("a message to a bad name is 400", "POST /api/rooms/a.b/messages", 400, INVALID_ROOM, **_says(b"{}")),
    Row("a still picture is 200", _STILL, 200, published="demo", answers=_SHOWN),
    Row("one that the caller has is 304", _STILL, 304, published="demo", answers=_SHOWN, headers=_HAS_STILL),
    Row("a picture of no width that there is is 400", f"{_STILL}?width=1", 400, "invalid width"),
    Row("a picture of a bad name is 400", "GET /api/rooms/a.b/still", 400, INVALID_ROOM),
    Row("a picture without credentials is 401", _STILL, 401, UNAUTHORIZED, published="demo", **_CLOSED),
    Row("a room without a picture is 404", "GET /api/rooms/other/still", 404, NOT_FOUND),
    Row(
        "a still the worker fails at is 500",
        "GET /api/rooms/bug/still",
        500,
        UNFORESEEN,
        published="bug",
        **fails(GetStill),
    ),
    Row(
        "a still of no sense is 503",
        "GET /api/rooms/odd/still",
        503,
        UNAVAILABLE,
        published="odd",
        answers=_NO_STILL,
    ),
    Row("the records are 200", "GET /api/records", 200),
    Row(
        "the records are 401 where credentials are asked for",
        "GET /api/records",
        401,
        UNAUTHORIZED,
        **_CLOSED,
    ),
    Row("a record is 200", _GET, 200, recorded=RECORD),
    Row("a part of a record is 206", _GET, 206, headers={"Range": "bytes=2-5"}, recorded=RECORD),
    Row("a part that is no range is 400", _GET, 400, headers={"Range": "bytes=x"}, recorded=RECORD),
    Row("a part beyond the end is 416", _GET, 416, headers={"Range": "bytes=50-60"}, recorded=RECORD),
    Row("a record is 401 where credentials are asked for", _GET, 401, UNAUTHORIZED, **_CLOSED),
    Row("a record that is not is 404", _GET, 404, NOT_FOUND),
    Row("what is no record's name is 404", "GET /records/demo.txt", 404, NOT_FOUND),
    Row("no path leaves the records", _OUT_OF_RECORDS, 404, NOT_FOUND),
    Row("the picture of a record is 200", f"{_GET}/still", 200, answers=_PICTURED),
    Row("one of a record that the caller has is 304", f"{_GET}/still", 304, answers=_PICTURED, **_HAS_IT),
    Row("the picture of a record without one is 404", f"{_GET}/still", 404, NOT_FOUND, recorded=RECORD),
    Row("the picture of a record that is not is 404", f"{_GET}/still", 404, NOT_FOUND),
    Row("a picture of a record is 401 as the record is", f"{_GET}/still", 401, UNAUTHORIZED, **_CLOSED),
    Row("a record's picture of no such width is 400", f"{_GET}/still?width=1", 400, "invalid width"),
    Row("an admin deletes a record", _DELETE, 200, recorded=RECORD, **_ADMIN),
    Row("nobody else deletes a record", _DELETE, 401, UNAUTHORIZED, recorded=RECORD, **_PUBLISHER),
    Row("a record that is not is not deleted", _DELETE, 404, NOT_FOUND, **_ADMIN),
    Row("the scrape targets are 200", _TARGETS, 200),
    Row("the scrape targets are 404 where metrics are elsewhere", _TARGETS, 404, NOT_FOUND, **_ELSEWHERE),
    Row("health is 200", "GET /healthz", 200),
    Row("ready is 200 with a worker", "GET /readyz", 200),
    Row("ready is 503 without", "GET /readyz", 503, UNAVAILABLE, worker=False),
    Row("metrics are 200", "GET /metrics", 200),
    Row("metrics are 404 where they are elsewhere", "GET /metrics", 404, NOT_FOUND, **_ELSEWHERE),
    Row("the description is 200", "GET /openapi.yaml", 200),
    *(Row(f"the page {page} is 200", f"GET {page}", 200) for page in PAGES),
    *(Row(f"the page {page} that a browser has is 304", f"GET {page}", 304, **_HAS_IT) for page in PAGES),
    *(Row(f"the old address {page} is 301", f"GET /web/{page}.html", 301) for page in OLD_PAGES),
    Row("a file of the pages is 200", "GET /static/home.html", 200),
    Row("a file that a browser has is 304", "GET /static/home.html", 304, **_HAS_IT),
    Row("a file that is not is 404", "GET /static/nothing.js", 404, NOT_FOUND),
    Row("a path over two lines is no file's", "OPTIONS /static/a%0ab", 404, NOT_FOUND),
    Row("no path leaves the pages' folder", "GET /static/..%2fopenapi.yaml", 404, NOT_FOUND),
    Row("no path leaves the pages' folder by dots", "GET /static/%2e%2e/openapi.yaml", 404, NOT_FOUND),
    Row("an unknown path is 404", "GET /nothing", 404, NOT_FOUND),
    Row("an unknown path of the API is 404", "POST /api/nothing", 404, NOT_FOUND),
    Row("a slash too much is 404", "GET /api/rooms/", 404, NOT_FOUND),
    Row("another method is 405", "POST /api/rooms", 405, BAD_METHOD),
    Row("another method on health is 405", "DELETE /healthz", 405, BAD_METHOD),
]

QUERY_ROWS = [*ADMIN_ROWS, *OTHER_ROWS]
