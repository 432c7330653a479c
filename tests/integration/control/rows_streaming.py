"""Rows of the streaming table, and of the order in which a request is checked."""

from typing import Any

from shared.errors import ErrorCode
from shared.messages.signalling import Answer, Closed, Play, Publish
from tests.integration.control.row import SDP, SESSION, TOKENS, TOO_LARGE, WHEP, WHIP, Row, fails, refuses
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER


def _publish(promise: str, status: int, error: str | None = None, room: str = "demo", **more: Any) -> Row:
    given = {"headers": SDP, "body": PUBLISH_OFFER} | more
    return Row(f"publish: {promise}", f"POST {WHIP}/{room}", status, error, **given)


def _play(promise: str, status: int, error: str | None = None, room: str = "demo", **more: Any) -> Row:
    given = {"headers": SDP, "body": PLAY_OFFER, "published": "demo"} | more
    return Row(f"play: {promise}", f"POST {WHEP}/{room}", status, error, **given)


_TEXT = {"Content-Type": "Text/Plain; charset=utf-8"}
_DRAFT = {"whep_without_publisher": "409"}
_HTML = {"Content-Type": "text/html"}
_TAKES = SDP | {"Accept": "application/sdp"}
_OFFER = Answer(session=SESSION, sdp="v=0\r\ns=an offer\r\n", etag="e1", valid_until=1_900_000_000.5)
_OFFERED = {"headers": _TAKES, "answers": {Play: _OFFER}}
_NO_CODEC = {"code": ErrorCode.NOT_ACCEPTABLE, "message": "cannot take H265"}

PUBLISH_ROWS = [
    _publish("an offer is answered 201", 201),
    _publish("text/plain is a type too", 201, headers=_TEXT),
    _publish("a room name may have all its 64 characters", 201, room="A-z_0" + "9" * 59),
    _publish("one may stand by", 201, room="demo?standby=true"),
    _publish("what is no SDP is invalid SDP", 400, "invalid SDP", body=b"hello"),
    _publish("an empty body is invalid SDP", 400, "invalid SDP", body=b""),
    _publish("what is no UTF-8 is invalid SDP", 400, "invalid SDP", body=b"v=0\r\n\xff\xfe"),
    _publish("a viewer's offer is invalid SDP", 400, "invalid SDP", body=PLAY_OFFER),
    _publish("the worker may find it invalid", 400, "invalid SDP", **refuses(Publish, ErrorCode.INVALID_SDP)),
    _publish("a room name has no slash, encoded or not", 400, "invalid room name", room="de%2fmo"),
    _publish("a room name has at most 64 characters", 400, "invalid room name", room="a" * 65),
    _publish("a room name is ASCII", 400, "invalid room name", room="d%C3%A9mo"),
    _publish("a room name has no line end", 400, "invalid room name", room="demo%0A"),
    _publish("a room name is not empty", 400, "invalid room name", room=""),
    _publish("a codec that is not relayed is 406", 406, "cannot take H265", **refuses(Publish, **_NO_CODEC)),
    _publish("a blocked room is 403", 403, "room blocked", **refuses(Publish, ErrorCode.ROOM_BLOCKED)),
    _publish("a room takes one publisher", 409, published="demo"),
    _publish("a worker's bug is 500", 500, **fails(Publish)),
    _publish("a reply that makes no sense is 503", 503, answers={Publish: Closed(sessions=0)}),
    _publish("without a worker it is 503", 503, worker=False),
    _publish("too many of a client are 429", 429, **refuses(Publish, ErrorCode.PUBLISHER_LIMIT)),
]

PLAY_ROWS = [
    _play("an offer is answered 201", 201),
    _play("what is no SDP is invalid SDP", 400, "invalid SDP", body=b"hello"),
    _play("a publisher's offer is invalid SDP", 400, "invalid SDP", body=PUBLISH_OFFER),
    _play("a blocked room is 403", 403, "room blocked", **refuses(Play, ErrorCode.ROOM_BLOCKED)),
    _play("a full room is 403", 403, "subscriber limit reached", **refuses(Play, ErrorCode.SUBSCRIBER_LIMIT)),
    _play("a room without publisher is 404", 404, published=""),
    _play("a room without publisher is 409 by the draft", 409, published="", settings=_DRAFT),
    _play("a room that has lost it is 404", 404, **refuses(Play, ErrorCode.NO_PUBLISHER)),
    _play("a viewer without the codec is 406", 406, "cannot take H265", **refuses(Play, **_NO_CODEC)),
    _play("an offer of the server is 406", 406, **_OFFERED),
    _play("what is no SDP is none where offers are taken", 400, "invalid SDP", body=b"hello", headers=_TAKES),
    _play("an empty body is invalid SDP", 400, "invalid SDP", body=b""),
    _play("an empty body asks for an offer", 201, body=b"", headers=_TAKES),
    _play("a publisher's offer asks for one of the server", 201, body=PUBLISH_OFFER, headers=_TAKES),
    _play("another type is 415", 415, headers=_HTML),
    _play("a worker's bug is 500", 500, **fails(Play)),
    _play("a room whose worker is full is 503", 503, **refuses(Play, ErrorCode.WORKER_FULL)),
    _play("a worker without Redis is 503", 503, **refuses(Play, ErrorCode.NO_WORKER)),
]

_WRONG_BYTES = b"\xff" * len(TOO_LARGE)
_NOTHING = {"worker": False, "published": ""}

ORDER_ROWS = [
    _publish("the name is checked before credentials", 400, "invalid room name", room="a.b", settings=TOKENS),
    _publish("credentials are checked before the type", 401, settings=TOKENS, headers={}),
    _publish("the type is checked before the size", 415, headers={}, body=TOO_LARGE),
    _publish("the size is checked before the SDP", 413, body=_WRONG_BYTES),
    _publish("the SDP is checked before a worker is sought", 400, "invalid SDP", body=b"hello", **_NOTHING),
    _play("the SDP is checked before the room is sought", 400, "invalid SDP", body=b"hello", **_NOTHING),
]

STREAMING_ROWS = [*PUBLISH_ROWS, *PLAY_ROWS, *ORDER_ROWS]
