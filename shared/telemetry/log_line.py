"""One line of the log in JSON, made in few steps: a client that joins and leaves causes five of them."""

import json
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import msgspec

from shared.names import cut_session

# What msgspec writes as `json` does. Of anything else, such as a secret, only its repr may be told.
_PLAIN = (str, int, float, type(None))
_LEVELS = {"exception": "error", "warn": "warning"}  # methods that are not named as their level
_ENCODER = msgspec.json.Encoder()

# What the lines of one request have in common.
request_id: ContextVar[str] = ContextVar("request_id", default="")


class Fields:
    """A processor of structlog: adds the level, the time and `common` fields, and cuts session ids.

    A session keeps its worker and the first four characters of its secret part.
    """

    def __init__(self, common: Mapping[str, str]) -> None:
        self._common = dict(common)

    def __call__(self, _: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for name, value in self._common.items():
            event.setdefault(name, value)
        if of_request := request_id.get():
            event.setdefault("request_id", of_request)
        event["level"] = _LEVELS.get(method, method)
        event["timestamp"] = datetime.now(UTC).isoformat().removesuffix("+00:00") + "Z"
        session = event.get("session")
        if isinstance(session, str):
            event["session"] = cut_session(session)
        return event


def json_line(_: object, __: str, event: Mapping[str, Any]) -> bytes:
    """The last processor: the line without its end."""
    try:
        if all(isinstance(value, _PLAIN) for value in event.values()):
            return msgspec.json.format(_ENCODER.encode(event), indent=0)  # as `json` lays it out
    except (ValueError, OverflowError, TypeError):  # half a surrogate pair; more than 64 bits; some other str
        pass
    return json.dumps(event, ensure_ascii=False, default=repr).encode(errors="backslashreplace")


def json_text(logger: object, method: str, event: Mapping[str, Any]) -> str:
    """As `json_line`, for the standard module, which writes text."""
    return json_line(logger, method, event).decode()
