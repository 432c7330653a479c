"""Rows of the streaming table, and of the order in which a request is checked."""

from typing import Any

from shared.errors import ErrorCode
from shared.messages.signalling import Answer, Closed, Play, Publish
from tests.integration.control.row import (
    BAD_TYPE,
    BLOCKED,
    FULL,
    INVALID_ROOM,
    INVALID_SDP,
    NO_PUBLISHER,
    SDP,
    SESSION,
    TAKEN,
    TOKENS,
    TOO_LARGE,
    TOO_MANY,
    TOO_MUCH,
    UNAUTHORIZED,
    UNAVAILABLE,
    UNFORESEEN,
    WHEP,
    WHIP,
    Row,
    fails,
    refuses,
)
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
    _publish("what is no SDP is invalid SDP", 400, INVALID_SDP, body=b"hello"),
    _publish("an empty body is invalid SDP", 400, INVALID_SDP, body=b""),
    _publish("what is no UTF-8 is invalid SDP", 400, INVALID_SDP, body=b"v=0\r\n\xff\xfe"),
    _publish("a viewer's offer is invalid SDP", 400, INVALID_SDP, body=PLAY_OFFER),
    _publish("the worker may find it invalid", 400, INVALID_SDP, **refuses(Publish, ErrorCode.INVALID_SDP)),
    _publish("a room name has no space", 400, INVALID_ROOM, room="de%20mo"),
    _publish("a room name has no slash, encoded or not", 400, INVALID_ROOM, room="de%2fmo"),
    _publish("a room name has at most 64 characters", 400, INVALID_ROOM, room="a" * 65),
    _publish("a room name is ASCII", 400, INVALID_ROOM, room="d%C3%A9mo"),
    _publish("a room name has no line end", 400, INVALID_ROOM, room="demo%0A"),
    _publish("a room name is not empty", 400, INVALID_ROOM, room=""),
    _publish("without credentials it is 401", 401, UNAUTHORIZED, settings=TOKENS),
    _publish("a codec that is not relayed is 406", 406, "cannot take H265", **refuses(Publish, **_NO_CODEC)),
    _publish("a blocked room is 403", 403, BLOCKED, **refuses(Publish, ErrorCode.ROOM_BLOCKED)),
    _publish("a room takes one publisher", 409, TAKEN, published="demo"),
    _publish("a body has at most 1 MB", 413, TOO_MUCH, body=TOO_LARGE),
    _publish("another type is 415", 415, BAD_TYPE, headers=_HTML),
    _publish("no type is 415", 415, BAD_TYPE, headers={}),
    _publish("a worker's bug is 500", 500, UNFORESEEN, **fails(Publish)),
    _publish("a reply that makes no sense is 503", 503, UNAVAILABLE, answers={Publish: Closed(sessions=0)}),
    _publish("without a worker it is 503", 503, UNAVAILABLE, worker=False),
    _publish("too many rooms are 503", 503, UNAVAILABLE, **refuses(Publish, ErrorCode.ROOM_LIMIT)),
    _publish("too many of a client are 429", 429, TOO_MANY, **refuses(Publish, ErrorCode.PUBLISHER_LIMIT)),
    _publish("with a full worker it is 503", 503, UNAVAILABLE, **refuses(Publish, ErrorCode.WORKER_FULL)),
]

PLAY_ROWS = [
    _play("an offer is answered 201", 201),
    _play("what is no SDP is invalid SDP", 400, INVALID_SDP, body=b"hello"),
    _play("a publisher's offer is invalid SDP", 400, INVALID_SDP, body=PUBLISH_OFFER),
    _play("a room name has no space", 400, INVALID_ROOM, room="de%20mo"),
    _play("without credentials it is 401", 401, UNAUTHORIZED, settings=TOKENS),
    _play("a blocked room is 403", 403, BLOCKED, **refuses(Play, ErrorCode.ROOM_BLOCKED)),
    _play("a full room is 403", 403, FULL, **refuses(Play, ErrorCode.SUBSCRIBER_LIMIT)),
    _play("a room without publisher is 404", 404, NO_PUBLISHER, published=""),
    _play("a room without publisher is 409 by the draft", 409, NO_PUBLISHER, published="", settings=_DRAFT),
    _play("a room that has lost it is 404", 404, NO_PUBLISHER, **refuses(Play, ErrorCode.NO_PUBLISHER)),
    _play("a viewer without the codec is 406", 406, "cannot take H265", **refuses(Play, **_NO_CODEC)),
    _play("an offer of the server is 406", 406, **_OFFERED),
    _play("what is no SDP is 400 for who takes offers, too", 400, INVALID_SDP, body=b"hello", headers=_TAKES),
    _play("an empty body is invalid SDP", 400, INVALID_SDP, body=b""),
    _play("an empty body asks for an offer", 201, body=b"", headers=_TAKES),
    _play("a publisher's offer asks for one of the server", 201, body=PUBLISH_OFFER, headers=_TAKES),
    _play("a body has at most 1 MB", 413, TOO_MUCH, body=TOO_LARGE),
    _play("another type is 415", 415, BAD_TYPE, headers=_HTML),
    _play("a worker's bug is 500", 500, UNFORESEEN, **fails(Play)),
    _play("a room whose worker is full is 503", 503, UNAVAILABLE, **refuses(Play, ErrorCode.WORKER_FULL)),
    _play("a worker without Redis is 503", 503, UNAVAILABLE, **refuses(Play, ErrorCode.NO_WORKER)),
]

_WRONG_BYTES = b"\xff" * len(TOO_LARGE)
_NOTHING = {"worker": False, "published": ""}

ORDER_ROWS = [
    _publish("the name is checked before credentials", 400, INVALID_ROOM, room="a.b", settings=TOKENS),
    _publish("credentials are checked before the type", 401, UNAUTHORIZED, settings=TOKENS, headers={}),
    _publish("the type is checked before the size", 415, BAD_TYPE, headers={}, body=TOO_LARGE),
    _publish("the size is checked before the SDP", 413, TOO_MUCH, body=_WRONG_BYTES),
    _publish("the SDP is checked before a worker is sought", 400, INVALID_SDP, body=b"hello", **_NOTHING),
    _play("the SDP is checked before the room is sought", 400, INVALID_SDP, body=b"hello", **_NOTHING),
]

STREAMING_ROWS = [*PUBLISH_ROWS, *PLAY_ROWS, *ORDER_ROWS]
