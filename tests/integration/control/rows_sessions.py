"""Rows of the endpoints' other methods and of the session resources, for WHIP and WHEP."""

from typing import Any

from shared.errors import ErrorCode
from shared.messages.sessions import FindSessions, Living
from shared.messages.signalling import AnswerOffer, ChooseLayer, Delete, Patch, Patched
from tests.integration.control.row import (
    ANSWERED,
    BAD_METHOD,
    BAD_TYPE,
    FRAGMENT,
    FULL,
    INVALID_EVENTS,
    INVALID_FRAGMENT,
    INVALID_LAYER,
    INVALID_ROOM,
    INVALID_SDP,
    INVALID_VIEWING,
    NO_SESSION,
    NOT_FOUND,
    SDP,
    SESSION,
    TOKENS,
    TOO_LARGE,
    TOO_MANY,
    TOO_MUCH,
    UNAUTHORIZED,
    UNAVAILABLE,
    UNFORESEEN,
    WHEP,
    WHIP,
    WRONG_TOKEN,
    Row,
    fails,
    refuses,
)
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER

_ENDED = ErrorCode.SESSION_NOT_FOUND
_NO_REDIS = ErrorCode.NO_WORKER
_NO_LAYER = ErrorCode.INVALID_LAYER
_STALE = ErrorCode.PRECONDITION_FAILED
_NO_MATCH = ErrorCode.PRECONDITION_REQUIRED
_GONE = {"answers": {FindSessions: Living(sessions=())}}
_NOT_OURS = {FindSessions: Living(sessions=(SESSION,))}
_RESTARTED = Patched(etag="next", fragment="a=ice-ufrag:x\r\n")


def _rows(base: str) -> list[Row]:
    def patch(promise: str, status: int, error: str | None = None, **more: Any) -> Row:
        path = f"{base}/{more.pop('where', f'demo/{SESSION}')}"
        given = {"headers": FRAGMENT, "body": b"a=mid:0\r\n"} | more
        return Row(f"PATCH {base}: {promise}", f"PATCH {path}", status, error, **given)

    def ask(method: str, where: str, promise: str, status: int, error: str | None = None, **more: Any) -> Row:
        return Row(f"{method} {base}: {promise}", f"{method} {base}/{where}", status, error, **more)

    session = f"demo/{SESSION}"
    wrong = {"settings": TOKENS, "headers": WRONG_TOKEN}
    return [
        patch("a trickle is 204", 204),
        patch("the URL is credential enough", 204, settings=TOKENS),
        patch("an ICE restart is 200", 200, answers={Patch: _RESTARTED}),
        patch("a room name has no dot", 400, INVALID_ROOM, where=f"a.b/{SESSION}"),
        patch("an odd fragment is 400", 400, INVALID_FRAGMENT, **refuses(Patch, ErrorCode.INVALID_FRAGMENT)),
        patch("a fragment is UTF-8", 400, INVALID_FRAGMENT, body=b"\xff"),
        patch("a wrong token is 401", 401, UNAUTHORIZED, settings=TOKENS, headers=FRAGMENT | WRONG_TOKEN),
        patch("a session that ended is 404", 404, NO_SESSION, **refuses(Patch, _ENDED)),
        patch("a session that ended has no size", 404, NO_SESSION, body=TOO_LARGE, **_GONE),
        patch("a session of a worker that is gone is 404", 404, NO_SESSION, worker=False),
        patch("what is no session id is 404", 404, NO_SESSION, where="demo/w1.short"),
        patch("a stale If-Match is 412", 412, "precondition failed", **refuses(Patch, _STALE)),
        patch("a fragment has at most 64 KB", 413, TOO_MUCH, body=b"a" * 65_537),
        patch("another type is 415", 415, BAD_TYPE, headers=SDP),
        patch("a restart without If-Match is 428", 428, "precondition required", **refuses(Patch, _NO_MATCH)),
        patch("a worker's bug is 500", 500, UNFORESEEN, **fails(Patch)),
        patch("a worker without Redis is 503", 503, UNAVAILABLE, **refuses(Patch, _NO_REDIS)),
        ask("DELETE", session, "ends the session with 200", 200),
        ask("DELETE", session, "the URL is credential enough", 200, settings=TOKENS),
        ask("DELETE", f"a.b/{SESSION}", "a room name has no dot", 400, INVALID_ROOM),
        ask("DELETE", session, "a wrong token is 401", 401, UNAUTHORIZED, **wrong),
        ask("DELETE", session, "twice is 404", 404, NO_SESSION, **refuses(Delete, _ENDED)),
        ask("DELETE", session, "after its worker it is 404", 404, NO_SESSION, worker=False),
        ask("DELETE", session, "a worker's bug is 500", 500, UNFORESEEN, **fails(Delete)),
        ask("DELETE", session, "without Redis it is 503", 503, UNAVAILABLE, **refuses(Delete, _NO_REDIS)),
        ask("DELETE", "demo", "of an endpoint is 405", 405, BAD_METHOD),
        ask("GET", session, "of a session is 204", 204),
        ask("GET", f"a.b/{SESSION}", "of a session of a bad room is 400", 400, INVALID_ROOM),
        ask("GET", session, "of a session with a wrong token is 401", 401, UNAUTHORIZED, **wrong),
        ask("GET", "demo/x", "of what is no session id is 404", 404, NO_SESSION),
        ask("GET", "demo", "of an endpoint is 204", 204),
        ask("GET", "a.b", "of a bad room is 400", 400, INVALID_ROOM),
        ask("OPTIONS", session, "of a session is 200", 200),
        ask("OPTIONS", "demo", "of an endpoint is 200", 200),
        ask("POST", session, "to a session is 405", 405, BAD_METHOD),
        ask("PUT", session, "to a session is 405", 405, BAD_METHOD),
        ask("PUT", "demo", "to an endpoint is 405", 405, BAD_METHOD),
        ask("PATCH", "demo", "of an endpoint is 405", 405, BAD_METHOD),
    ]  # fmt: skip


def _answer_rows() -> list[Row]:
    """PATCH of an answer to an offer of the server."""
    waits = {FindSessions: Living(sessions=(SESSION,), offered=(SESSION,))}

    def answer(promise: str, status: int, error: str | None = None, **more: Any) -> Row:
        given: dict[str, Any] = {"headers": SDP, "body": PLAY_OFFER} | more
        answers = waits | given.pop("answers", {})
        where = f"{WHEP}/demo/{SESSION}"
        return Row(f"answer: {promise}", f"PATCH {where}", status, error, answers=answers, **given)

    return [
        answer("it makes the session", 204),
        answer("what is no SDP is 400", 400, INVALID_SDP, body=b"hello"),
        answer("what takes nothing is 400", 400, INVALID_SDP, **refuses(AnswerOffer, ErrorCode.INVALID_SDP)),
        answer("who sends is no viewer", 400, INVALID_SDP, body=PUBLISH_OFFER),
        answer("in a full room it is 403", 403, FULL, **refuses(AnswerOffer, ErrorCode.SUBSCRIBER_LIMIT)),
        answer("when its time is over it is 404", 404, NO_SESSION, **_GONE),
        answer("another one is 409", 409, ANSWERED, **refuses(AnswerOffer, ErrorCode.ALREADY_ANSWERED)),
        answer("where the offer was the viewer's it is 415", 415, BAD_TYPE, answers=_NOT_OURS),
        answer("a body has at most 1 MB", 413, TOO_MUCH, body=TOO_LARGE),
        answer("too many of a client are 429", 429, TOO_MANY, **refuses(AnswerOffer, ErrorCode.VIEWER_LIMIT)),
    ]


def _event_rows() -> list[Row]:
    def ask(method: str, promise: str, status: int, error: str | None = None, **more: Any) -> Row:
        where = more.pop("where", f"demo/{SESSION}/events")
        return Row(f"{method} events: {promise}", f"{method} {WHEP}/{where}", status, error, **more)

    name = "airv-AAAAAAAAAAA"
    stream = f"demo/{SESSION}/events/{name}"
    wrong = {"settings": TOKENS, "headers": WRONG_TOKEN}
    json = {"Content-Type": "application/json"}
    browser = {"Accept": "text/event-stream"}
    return [
        ask("POST", "a stream is made", 201),
        ask("POST", "of the events that are asked for", 201, headers=json, body=b'["viewercount","layers"]'),
        ask("POST", "what is no list is 400", 400, INVALID_EVENTS, headers=json, body=b'{"a":1}'),
        ask("POST", "what is no JSON is 400", 400, INVALID_EVENTS, headers=json, body=b"[" * 4000),
        ask("POST", "a room name has no dot", 400, INVALID_ROOM, where=f"a.b/{SESSION}/events"),
        ask("POST", "a session that ended is 404", 404, NO_SESSION, **_GONE),
        ask("POST", "of a session that ended is 204 for a browser", 204, headers=browser, **_GONE),
        ask("POST", "what is no session id is 404", 404, NO_SESSION, where="demo/w1.short/events"),
        ask("POST", "after its worker it is 404", 404, NO_SESSION, worker=False),
        ask("POST", "a list has at most 4 KB", 413, TOO_MUCH, headers=json, body=b"[" * 4097),
        ask("POST", "a session that ended has no size", 404, NO_SESSION, body=TOO_LARGE, **_GONE),
        ask("POST", "a wrong token is 401", 401, UNAUTHORIZED, **wrong),
        ask("POST", "another type is 415", 415, BAD_TYPE, headers=SDP, body=b"[]"),
        ask("GET", "all are on the endpoint itself", 200),
        ask("GET", "of a bad room is 400", 400, INVALID_ROOM, where=f"a.b/{SESSION}/events"),
        ask("GET", "of a session that ended is 404", 404, NO_SESSION, **_GONE),
        ask("GET", "of a session that ended is 204 for a browser", 204, headers=browser, **_GONE),
        ask("GET", "a stream is 200", 200, where=stream, stream=name),
        ask("GET", "a stream that nobody created is 404", 404, NO_SESSION, where=stream),
        ask("GET", "the URL is credential enough", 200, settings=TOKENS),
        ask("GET", "a wrong token is 401", 401, UNAUTHORIZED, **wrong),
        ask("GET", "of a stream a wrong token is 401", 401, UNAUTHORIZED, where=stream, **wrong),
        ask("GET", "a stream of a bad room is 400", 400, INVALID_ROOM, where=stream.replace("demo", "a.b")),
        ask("GET", "what is no stream is 404", 404, NO_SESSION, where=f"demo/{SESSION}/events/xyz"),
        ask("GET", "a stream of a session that ended is 404", 404, NO_SESSION, where=stream, **_GONE),
        ask("GET", "after its session it is 204 for a browser", 204, where=stream, headers=browser, **_GONE),
        ask("GET", "after its worker it is 204 for a browser", 204, headers=browser, worker=False),
        ask("DELETE", "a stream is given up", 200, where=stream, stream=name),
        ask("DELETE", "a stream that nobody created is 404", 404, NO_SESSION, where=stream),
        ask("DELETE", "a wrong token is 401", 401, UNAUTHORIZED, where=stream, **wrong),
        ask("DELETE", "a bad room is 400", 400, INVALID_ROOM, where=stream.replace("demo", "a.b")),
        ask("DELETE", "after its session it is 404", 404, NO_SESSION, where=stream, **_GONE),
        ask("DELETE", "of the endpoint is 405", 405, BAD_METHOD),
        ask("OPTIONS", "is 200", 200),
        ask("OPTIONS", "of a stream is 200", 200, where=stream),
    ]  # fmt: skip


def _layer_rows() -> list[Row]:
    def choose(promise: str, status: int, error: str | None = None, **more: Any) -> Row:
        path = f"{WHEP}/{more.pop('where', f'demo/{SESSION}')}/layer"
        given = {"headers": {"Content-Type": "application/json"}, "body": b'{"rid":"h"}'} | more
        return Row(f"POST layer: {promise}", f"POST {path}", status, error, **given)

    return [
        choose("a layer is chosen", 200),
        choose("by its name in earlier drafts, too", 200, body=b'{"mediaId":"1","encodingId":"h"}'),
        choose("none is the server's choice", 200, body=b'{"mediaId":"1"}'),
        choose("null is the server's choice", 200, body=b'{"rid":null}'),
        choose("the sound alone is chosen", 200, body=b'{"picture":false}'),
        choose("the URL is credential enough", 200, settings=TOKENS),
        choose("what is no object is 400", 400, INVALID_LAYER, body=b'["h"]'),
        choose("what is no JSON is 400", 400, INVALID_LAYER, body=b"[" * 4000),
        choose("an empty body is 400", 400, INVALID_LAYER, body=b""),
        choose("a name is text", 400, INVALID_LAYER, body=b'{"rid":1}'),
        choose("a name has no space", 400, INVALID_LAYER, body=b'{"rid":"a b"}'),
        choose("a name has at most 64 characters", 400, INVALID_LAYER, body=b'{"rid":"%s"}' % (b"a" * 65)),
        choose("a picture is wanted or not", 400, INVALID_LAYER, body=b'{"picture":"no"}'),
        choose("the worker may not have it", 400, INVALID_LAYER, **refuses(ChooseLayer, _NO_LAYER)),
        choose("a room name has no dot", 400, INVALID_ROOM, where=f"a.b/{SESSION}"),
        choose("a wrong token is 401", 401, UNAUTHORIZED, settings=TOKENS, headers=WRONG_TOKEN),
        choose("a session that ended is 404", 404, NO_SESSION, **refuses(ChooseLayer, _ENDED)),
        choose("what is no session id is 404", 404, NO_SESSION, where="demo/w1.short"),
        choose("after its worker it is 404", 404, NO_SESSION, worker=False),
        choose("a choice has at most 4 KB", 413, TOO_MUCH, body=b"[" * 4097),
        choose("another type is 415", 415, BAD_TYPE, headers=SDP),
        choose("a worker's bug is 500", 500, UNFORESEEN, **fails(ChooseLayer)),
        choose("without Redis it is 503", 503, UNAVAILABLE, **refuses(ChooseLayer, _NO_REDIS)),
        Row("layer: GET is 405", f"GET {WHEP}/demo/{SESSION}/layer", 405, BAD_METHOD),
        Row("layer: DELETE is 405", f"DELETE {WHEP}/demo/{SESSION}/layer", 405, BAD_METHOD),
        Row("layer: OPTIONS is 200", f"OPTIONS {WHEP}/demo/{SESSION}/layer", 200),
    ]


def _viewing_rows() -> list[Row]:
    def report(promise: str, status: int, error: str | None = None, **more: Any) -> Row:
        path = f"{WHEP}/{more.pop('where', f'demo/{SESSION}')}/viewing"
        wanted = more.pop("settings", {}) | {"viewer_reports": True}
        given = {
            "headers": {"Content-Type": "application/json"},
            "body": b'{"seconds":30}',
            "settings": wanted,
        }
        return Row(f"POST viewing: {promise}", f"POST {path}", status, error, **given | more)

    all_of_it = (
        b'{"seconds":30,"firstPicture":0.4,"stills":1,"stillSeconds":0.5,"concealedSeconds":0.1,"lines":720,'
        b'"latency":0.3}'
    )
    return [
        report("a report is taken", 204),
        report("with all that it may have", 204, body=all_of_it),
        report("the URL is credential enough", 204, settings=TOKENS),
        report("seconds must be there", 400, INVALID_VIEWING, body=b"{}"),
        report("nobody watched for a day", 400, INVALID_VIEWING, body=b'{"seconds":86400}'),
        report("no picture stands longer", 400, INVALID_VIEWING, body=b'{"seconds":1,"stillSeconds":2}'),
        report("a number is no text", 400, INVALID_VIEWING, body=b'{"seconds":"30"}'),
        report("names have no place", 400, INVALID_VIEWING, body=b'{"seconds":30,"viewer":"eve"}'),
        report("what is no JSON is 400", 400, INVALID_VIEWING, body=b"[" * 900),
        report("an empty body is 400", 400, INVALID_VIEWING, body=b""),
        report("a room name has no dot", 400, INVALID_ROOM, where=f"a.b/{SESSION}"),
        report("a wrong token is 401", 401, UNAUTHORIZED, settings=TOKENS, headers=WRONG_TOKEN),
        report("what is no session id is 404", 404, NO_SESSION, where="demo/w1.short"),
        report("a report has at most 1 KB", 413, TOO_MUCH, body=b"[" * 1025),
        report("another type is 415", 415, BAD_TYPE, headers=SDP),
        Row("viewing: nobody wants reports", f"POST {WHEP}/demo/{SESSION}/viewing", 404, NOT_FOUND),
        Row("viewing: GET is 405", f"GET {WHEP}/demo/{SESSION}/viewing", 405, BAD_METHOD),
        Row("viewing: OPTIONS is 200", f"OPTIONS {WHEP}/demo/{SESSION}/viewing", 200),
    ]  # fmt: skip


SESSION_ROWS = [
    *_rows(WHIP),
    *_rows(WHEP),
    *_answer_rows(),
    *_event_rows(),
    *_layer_rows(),
    *_viewing_rows(),
]
