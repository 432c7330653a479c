"""Rows of the session resources of WHIP and WHEP, and of what is below them."""

from typing import Any

from shared.errors import ErrorCode
from shared.messages.sessions import FindSessions, Living
from shared.messages.signalling import AnswerOffer, ChooseLayer, Delete, Patch, Patched
from tests.integration.control.row import (
    FRAGMENT,
    JSON,
    SDP,
    SESSION,
    STREAM,
    TOO_LARGE,
    WHEP,
    WHIP,
    Row,
    fails,
    refuses,
)
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER

_ENDED = ErrorCode.SESSION_NOT_FOUND
_STALE = ErrorCode.PRECONDITION_FAILED
_NO_MATCH = ErrorCode.PRECONDITION_REQUIRED
_GONE = {"answers": {FindSessions: Living(sessions=())}}
_NOT_OURS = {FindSessions: Living(sessions=(SESSION,))}
_RESTARTED = Patched(etag="next", fragment="a=ice-ufrag:x\r\n")


def _rows(base: str) -> list[Row]:
    def patch(promise: str, status: int, error: str | None = None, **more: Any) -> Row:
        given = {"headers": FRAGMENT, "body": b"a=mid:0\r\n"} | more
        return Row(f"PATCH {base}: {promise}", f"PATCH {base}/demo/{SESSION}", status, error, **given)

    def ask(method: str, promise: str, status: int, where: str = f"demo/{SESSION}", **more: Any) -> Row:
        return Row(f"{method} {base}: {promise}", f"{method} {base}/{where}", status, **more)

    return [
        patch("a trickle is 204", 204),
        patch("an ICE restart is 200", 200, answers={Patch: _RESTARTED}),
        patch("an odd one is 400", 400, "invalid SDP fragment", **refuses(Patch, ErrorCode.INVALID_FRAGMENT)),
        patch("a fragment is UTF-8", 400, "invalid SDP fragment", body=b"\xff"),
        patch("a session that ended is 404", 404, **refuses(Patch, _ENDED)),
        patch("a session that ended has no size", 404, body=TOO_LARGE, **_GONE),
        patch("a session of a worker that is gone is 404", 404, worker=False),
        patch("a stale If-Match is 412", 412, **refuses(Patch, _STALE)),
        patch("another type is 415", 415, headers=SDP),
        patch("a restart without If-Match is 428", 428, **refuses(Patch, _NO_MATCH)),
        patch("a worker's bug is 500", 500, **fails(Patch)),
        patch("a worker without Redis is 503", 503, **refuses(Patch, ErrorCode.NO_WORKER)),
        ask("DELETE", "ends the session with 200", 200),
        ask("DELETE", "twice is 404", 404, **refuses(Delete, _ENDED)),
        ask("DELETE", "after its worker it is 404", 404, worker=False),
        ask("GET", "of a session is 204", 204),
        ask("GET", "of an endpoint is 204", 204, where="demo"),
    ]


def _answer_rows() -> list[Row]:
    """PATCH of an answer to an offer of the server."""
    waits = {FindSessions: Living(sessions=(SESSION,), offered=(SESSION,))}

    def answer(promise: str, status: int, error: str | None = None, **more: Any) -> Row:
        given: dict[str, Any] = {"headers": SDP, "body": PLAY_OFFER} | more
        answers = waits | given.pop("answers", {})
        where = f"{WHEP}/demo/{SESSION}"
        return Row(f"answer: {promise}", f"PATCH {where}", status, error, answers=answers, **given)

    full, nothing = (
        refuses(AnswerOffer, code) for code in (ErrorCode.SUBSCRIBER_LIMIT, ErrorCode.INVALID_SDP)
    )
    return [
        answer("it makes the session", 204),
        answer("what is no SDP is 400", 400, "invalid SDP", body=b"hello"),
        answer("what takes nothing is 400", 400, "invalid SDP", **nothing),
        answer("who sends is no viewer", 400, "invalid SDP", body=PUBLISH_OFFER),
        answer("in a full room it is 403", 403, "subscriber limit reached", **full),
        answer("when its time is over it is 404", 404, **_GONE),
        answer("another one is 409", 409, **refuses(AnswerOffer, ErrorCode.ALREADY_ANSWERED)),
        answer("where the offer was the viewer's it is 415", 415, answers=_NOT_OURS),
        answer("a body has at most 1 MB", 413, body=TOO_LARGE),
        answer("too many of a client are 429", 429, **refuses(AnswerOffer, ErrorCode.VIEWER_LIMIT)),
    ]


def _event_rows() -> list[Row]:
    events = f"{WHEP}/demo/{SESSION}/events"

    def ask(promise: str, method: str, status: int, error: str | None = None, **more: Any) -> Row:
        return Row(f"events: {promise}", f"{method} {events}", status, error, **more)

    def stream(promise: str, method: str, status: int, **more: Any) -> Row:
        return Row(f"stream of events: {promise}", f"{method} {events}/{STREAM}", status, **more)

    def wants(body: bytes) -> dict[str, Any]:
        return {"headers": JSON, "body": body}

    browser = {"Accept": "text/event-stream"}
    return [
        ask("a stream is made", "POST", 201),
        ask("a stream is made of those that are asked for", "POST", 201, **wants(b'["viewercount"]')),
        ask("what is no list is 400", "POST", 400, "invalid list of events", **wants(b'{"a":1}')),
        ask("what is no JSON is 400", "POST", 400, "invalid list of events", **wants(b"[" * 4000)),
        ask("of a session that ended none are made", "POST", 404, **_GONE),
        ask("of a session that ended none are made for a browser", "POST", 204, headers=browser, **_GONE),
        ask("after its worker none are made", "POST", 404, worker=False),
        ask("a session that ended has no size", "POST", 404, body=TOO_LARGE, **_GONE),
        ask("all are on the endpoint itself", "GET", 200),
        ask("of a session that ended are 404", "GET", 404, **_GONE),
        ask("of a session that ended are 204 for a browser", "GET", 204, headers=browser, **_GONE),
        ask("after its worker they are 204 for a browser", "GET", 204, headers=browser, worker=False),
        stream("it is 200", "GET", 200, stream=STREAM),
        stream("one that nobody created is 404", "GET", 404),
        Row("stream of events: what is none is 404", f"GET {events}/xyz", 404),
        stream("of a session that ended it is 404", "GET", 404, **_GONE),
        stream("after its session it is 204 for a browser", "GET", 204, headers=browser, **_GONE),
        stream("it is given up", "DELETE", 200, stream=STREAM),
        stream("one that nobody created is not given up", "DELETE", 404),
        stream("after its session none is given up", "DELETE", 404, **_GONE),
    ]


def _layer_rows() -> list[Row]:
    def choose(promise: str, status: int, error: str | None = None, **more: Any) -> Row:
        given = {"headers": JSON, "body": b'{"rid":"h"}'} | more
        return Row(f"layer: {promise}", f"POST {WHEP}/demo/{SESSION}/layer", status, error, **given)

    forbidden = refuses(ChooseLayer, ErrorCode.INVALID_LAYER)
    return [
        choose("one is chosen", 200),
        choose("what is no object is 400", 400, "invalid choice of a layer", body=b'["h"]'),
        choose("the worker may not have it", 400, "invalid choice of a layer", **forbidden),
        choose("a session that ended is 404", 404, **refuses(ChooseLayer, _ENDED)),
        choose("after its worker it is 404", 404, worker=False),
    ]


_REPORT = f"POST {WHEP}/demo/{SESSION}/viewing"
_WANTED: dict[str, Any] = {"headers": JSON, "settings": {"viewer_reports": True}}
_VIEWING_ROWS = [
    Row("viewing: a report is taken", _REPORT, 204, body=b'{"seconds":30}', **_WANTED),
    Row("viewing: what is none is 400", _REPORT, 400, "invalid report", body=b"{}", **_WANTED),
    Row("viewing: where nobody wants reports it is 404", _REPORT, 404, "not found"),
]

SESSION_ROWS = [*_rows(WHIP), *_rows(WHEP), *_answer_rows(), *_event_rows(), *_layer_rows(), *_VIEWING_ROWS]
