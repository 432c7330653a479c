"""Rows of the queries, of administration, and of everything else that is served."""

from typing import Any

from shared.errors import ErrorCode
from shared.messages.records import GetRecordStill, RecordStill
from shared.messages.rulings import EndedSession, EndSession, jti_id
from shared.messages.sessions import LineRead, ReadLine
from shared.messages.signalling import Answer, Closed, CloseRoom, SwitchRoom
from shared.messages.stills import GetStill, Still
from tests.integration.control.row import ADMIN, HOOK, JSON, RECORD, SESSION, Row, fails, refuses
from tests.support.webhook_receiver import SECRET

PAGES = ("/", "/publish/demo", "/watch/demo", "/embed/demo", "/recordings", "/admin", "/docs")
_HAS_IT = {"headers": {"If-None-Match": "*"}}


def _admin(
    promise: str, ask: str, status: int, error: str | None = None, body: bytes = b"", **more: Any
) -> Row:
    given = ADMIN | ({"headers": ADMIN["headers"] | JSON, "body": body} if body else {})
    return Row(promise, ask, status, error, **given | more)


_ROOM = "/api/admin/rooms/demo"
_CLOSE, _SWITCH = f"POST {_ROOM}/close", f"POST {_ROOM}/switch"
_NONSENSE = {"answers": {CloseRoom: Answer(session="", sdp="", etag="")}}
_NOBODY_ELSE = refuses(SwitchRoom, ErrorCode.NO_STANDBY)
_WORKERS = "/api/admin/workers/{}"
_DRAINS = (f"POST {_WORKERS}/drain", f"DELETE {_WORKERS}/drain", f"POST {_WORKERS}/undrain")
_EVENTS, _SESSIONS = "GET /api/admin/events", "GET /api/admin/sessions"
_BLOCKS, _REVOCATIONS = "/api/admin/blocks", "/api/admin/revocations"
_REVOKE = f"POST {_REVOCATIONS}"
_LIFT, _UNREVOKE = f"DELETE {_BLOCKS}/", f"DELETE {_REVOCATIONS}/"
_OF_SESSIONS = "/api/admin/sessions"
_END, _LINE = f"DELETE {_OF_SESSIONS}/{SESSION}", f"GET {_OF_SESSIONS}/{SESSION}/line"
_ENDED = {EndSession: EndedSession(room="demo", role="play")}
_READ = {ReadLine: LineRead(log='{"version":1,"now":61.5,"parts":[]}')}

ADMIN_ROWS = [
    _admin("close: a room is closed with 200", _CLOSE, 200, published="demo"),
    _admin("close: a room that is not is 404", _CLOSE, 404),
    _admin("close: a worker's bug is 500", _CLOSE, 500, published="demo", **fails(CloseRoom)),
    _admin("close: a reply that makes no sense is none", _CLOSE, 503, published="demo", **_NONSENSE),
    _admin("switch: the next one is on", _SWITCH, 200, published="demo"),
    _admin("switch: a room that is not is 404", _SWITCH, 404),
    _admin("switch: with nobody else it is 409", _SWITCH, 409, published="demo", **_NOBODY_ELSE),
    *(
        row
        for ask in _DRAINS
        for row in (
            _admin(f"{ask}: is 200", ask.format("w1"), 200),
            _admin(f"{ask}: a worker that is not is 404", ask.format("w2"), 404),
            _admin(f"{ask}: a bad name is 404", ask.format("a.b"), 404),
        )
    ),
    _admin("sessions: of one room", f"{_SESSIONS}?room=demo", 200),
    _admin("events: their head is 200", "HEAD /api/admin/events", 200),
    _admin("events: of no role are 400", f"{_EVENTS}?role=guest", 400, "invalid list of events"),
    Row("workers: with no admin configured all see them", "GET /api/workers", 200, published="demo"),
    _admin("block: is 200", _CLOSE, 200, body=b'{"block": 60, "reason": "why"}', published="demo"),
    _admin("block: a room that is not, too", _CLOSE, 200, body=b'{"block": 60}'),
    _admin("block: what is no number of seconds is 400", _CLOSE, 400, body=b'{"block": "1"}'),
    _admin("lift: what is not blocked is 404", f"{_LIFT}red", 404),
    _admin("lift: what is blocked is 200", f"{_LIFT}demo", 200, blocked="demo"),
    _admin("revoke: is 201", _REVOKE, 201, body=b'{"jti": "1"}'),
    _admin("revoke: two claims are 400", _REVOKE, 400, body=b'{"jti": "1", "subject": "2"}'),
    _admin("unrevoke: what is not revoked is 404", f"{_UNREVOKE}jti-1", 404),
    _admin("unrevoke: what is revoked is 200", f"{_UNREVOKE}{jti_id('1')}", 200, revoked="1"),
    _admin("end: a session is 200", _END, 200, answers=_ENDED),
    _admin("end: what is no session is 404", f"DELETE {_OF_SESSIONS}/w1", 404),
    _admin("end: of no worker is 404", f"DELETE {_OF_SESSIONS}/w2.abcd", 404),
    _admin("end: one of several is 409", _END, 409, **refuses(EndSession, ErrorCode.AMBIGUOUS_SESSION)),
    _admin("line: of a session is 200", _LINE, 200, answers=_READ),
    _admin("line: of no session is 404", f"GET {_OF_SESSIONS}/w1/line", 404),
    _admin("line: of one of several is 409", _LINE, 409, **refuses(ReadLine, ErrorCode.AMBIGUOUS_SESSION)),
]

_OF_ROOMS, _RECORDING = "GET /api/admin/rooms", f"{_ROOM}/recording"
_SET = b'{"seats": 5, "publishTokens": ["0123456789abcdef"], "labels": {"a": "b"}}'
_MARK = f"PATCH {_RECORDING}"
_WRONG = (400, "invalid settings of a room")

SETTINGS_ROWS = [
    _admin("rooms' settings: an admin sees them", _OF_ROOMS, 200, configured="demo"),
    _admin("a room's settings: are 200", f"GET {_ROOM}", 200, configured="demo"),
    _admin("a room's settings: none are 404", f"GET {_ROOM}", 404),
    _admin("a room's settings: are put", f"PUT {_ROOM}", 200, body=_SET),
    _admin("a room's settings: are patched", f"PATCH {_ROOM}", 200, body=_SET),
    _admin("a room's settings: what is unknown is not put", f"PUT {_ROOM}", *_WRONG, b'{"a": 1}'),
    _admin("a room's settings: what is unknown is not patched", f"PATCH {_ROOM}", *_WRONG, b'{"a": 1}'),
    _admin("record: is 200", f"POST {_RECORDING}", 200, body=b'{"name": "a", "labels": {}}'),
    _admin("record: without a body is 200", f"POST {_RECORDING}", 200),
    _admin("record: what is no name is 400", f"POST {_RECORDING}", *_WRONG, b'{"name": 1}'),
    _admin("recording: is 200", f"GET {_RECORDING}", 200, configured="demo"),
    _admin("recording: where nothing is set is 200", f"GET {_RECORDING}", 200),
    _admin("mark: is 200", _MARK, 200, body=b'{"paused": true, "beginClip": "a"}', configured="demo"),
    _admin("mark: what is not recorded is 409", _MARK, 409, body=b'{"paused": true}'),
    _admin("mark: no such clip is 409", _MARK, 409, body=b'{"endClip": "a"}', configured="demo"),
    _admin("mark: nothing is 400", _MARK, *_WRONG, b"{}", configured="demo"),
    _admin("stop: is 200", f"DELETE {_RECORDING}", 200, configured="demo"),
    _admin("stop: where nothing is recorded is 200", f"DELETE {_RECORDING}", 200),
    _admin("forget settings: is 200", f"DELETE {_ROOM}", 200, configured="demo"),
    _admin("forget settings: none are 404", f"DELETE {_ROOM}", 404),
]

_HOOKED: dict[str, Any] = {
    "settings": ADMIN["settings"] | {"webhook_urls": HOOK, "webhook_secrets": SECRET},
    "dead_letter": "1-1",
}
_DEAD = "/api/admin/webhooks/dead"
_REPLAY = f"POST {_DEAD}/1-1/replay"

WEBHOOK_ROWS = [
    _admin("dead webhooks: an admin sees them", f"GET {_DEAD}", 200, **_HOOKED),
    _admin("dead webhooks: a page of them", f"GET {_DEAD}?limit=1&after=1-0", 200, **_HOOKED),
    *(
        _admin(f"dead webhooks: {page} is no page", f"GET {_DEAD}?{page}", 400)
        for page in ("limit=0", "after=x")
    ),
    _admin("replay: all of them", f"POST {_DEAD}/replay", 200, **_HOOKED),
    _admin("replay: one of them", _REPLAY, 200, **_HOOKED),
    _admin("replay: one that is not is 404", _REPLAY, 404, settings=_HOOKED["settings"]),
    _admin("replay: a bad id is 404", f"POST {_DEAD}/x/replay", 404, **_HOOKED),
    _admin("replay: without its receiver it is 404", _REPLAY, 404, dead_letter="1-1"),
]

_GET = f"GET /records/{RECORD}"
_DELETE = f"DELETE /api/admin/records/{RECORD}"
_TELL = "POST /api/rooms/demo/messages"
_STILL = "GET /api/rooms/demo/still"
_SHOWN = {GetStill: Still(jpeg=b"picture", taken_at=1.0)}
_PICTURED = {GetRecordStill: RecordStill(jpeg=b"picture")}
_NO_STILL = {GetStill: Closed(sessions=1)}
_STILL_LESS = refuses(GetStill, ErrorCode.NOT_FOUND)
_TARGETS = "GET /api/metrics/targets"
_ELSEWHERE = {"settings": {"metrics_addr": "127.0.0.1:0"}}
_OUT_OF_RECORDS = "GET /records/..%2f..%2fetc%2fpasswd"
_MANY_ROOMS = "/api/rooms/events?" + "&".join(f"room=r{number}" for number in range(21))


def _tell(promise: str, status: int, error: str | None = None, body: bytes = b"{}", **more: Any) -> Row:
    return Row(promise, _TELL, status, error, headers=JSON, body=body, **more)


OTHER_ROWS = [
    Row("a page of rooms is 200", "GET /api/rooms?limit=2&after=demo", 200),
    Row("a page is checked beside a name, too", "GET /api/rooms?name=demo&limit=x", 400),
    Row("a page has 10,000 rooms at most", "GET /api/rooms?limit=10001", 400),
    Row("a stream of 21 rooms is 400", f"GET {_MANY_ROOMS}", 400, "invalid list of events"),
    Row("the events of a room are 200", "GET /api/rooms/events?room=demo", 200),
    Row("the head of a stream is 200", "HEAD /api/rooms/events?room=demo", 200),
    Row("a room in detail is 200", "GET /api/rooms/demo", 200, published="demo"),
    Row("a room that is not is 404", "GET /api/rooms/demo", 404),
    _tell("a message is 202", 202, body=b'{"text":"hi"}', published="demo"),
    _tell("a message to a room that is not is 404", 404),
    _tell("a message that is no object is 400", 400, "invalid message", b'["hi"]'),
    _tell("one that is no JSON is 400", 400, "invalid message", b"[" * 4000),
    _tell("one with a number that is none is 400", 400, "invalid message", b'{"a":NaN}'),
    Row("a still picture is 200", _STILL, 200, published="demo", answers=_SHOWN),
    Row("one that the caller has is 304", _STILL, 304, published="demo", answers=_SHOWN, **_HAS_IT),
    Row("a room without a picture is 404", _STILL, 404, published="demo", **_STILL_LESS),
    Row("a room that is not has none", _STILL, 404),
    Row("a still the worker fails at is 500", _STILL, 500, published="demo", **fails(GetStill)),
    Row("a still of no sense is 503", _STILL, 503, published="demo", answers=_NO_STILL),
    Row("a record is 200", _GET, 200, recorded=RECORD),
    Row("a part of a record is 206", _GET, 206, headers={"Range": "bytes=2-5"}, recorded=RECORD),
    Row("what is no range is ignored: 200", _GET, 200, headers={"Range": "bytes=x"}, recorded=RECORD),
    Row("a part beyond the end is 416", _GET, 416, headers={"Range": "bytes=50-60"}, recorded=RECORD),
    Row("a record that is not is 404", _GET, 404),
    Row("what is no record's name is 404", "GET /records/demo.txt", 404),
    Row("no path leaves the records", _OUT_OF_RECORDS, 404),
    Row("the picture of a record is 200", f"{_GET}/still", 200, answers=_PICTURED),
    Row("one of a record that the caller has is 304", f"{_GET}/still", 304, answers=_PICTURED, **_HAS_IT),
    Row("the picture of a record without one is 404", f"{_GET}/still", 404, recorded=RECORD),
    Row("the picture of a record that is not is 404", f"{_GET}/still", 404),
    _admin("an admin deletes a record", _DELETE, 200, recorded=RECORD),
    _admin("a record that is not is not deleted", _DELETE, 404),
    Row("the scrape targets are 401 to anybody", _TARGETS, 401, settings=ADMIN["settings"]),
    Row("the scrape targets are 404 where metrics are elsewhere", _TARGETS, 404, **_ELSEWHERE),
    Row("ready is 503 without", "GET /readyz", 503, worker=False),
    Row("metrics are 404 where they are elsewhere", "GET /metrics", 404, **_ELSEWHERE),
    Row("a file of the pages is 200", "GET /static/home.html", 200),
    Row("a file that a browser has is 304", "GET /static/home.html", 304, **_HAS_IT),
    Row("a file that is not is 404", "GET /static/nothing.js", 404),
    Row("a path over two lines is no file's", "OPTIONS /static/a%0ab", 404),
    Row("no path leaves the pages' folder", "GET /static/..%2fopenapi.yaml", 404),
    Row("no path leaves the pages' folder by dots", "GET /static/%2e%2e/openapi.yaml", 404),
    Row("an unknown path is 404", "GET /nothing", 404),
    Row("an unknown path of the API is 404", "POST /api/nothing", 404),
    Row("a slash too much is 404", "GET /api/rooms/", 404),
]

QUERY_ROWS = [*ADMIN_ROWS, *SETTINGS_ROWS, *WEBHOOK_ROWS, *OTHER_ROWS]
