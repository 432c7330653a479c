"""One line of the log in JSON, made in few steps: a client that joins and leaves causes five of them."""

import json
import logging
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from shared.names import cut_session

# What msgspec writes as `json` does. Of anything else, such as a secret, only its repr may be told.
_PLAIN = (str, int, float, type(None))
_LEVELS = {"exception": "error", "warn": "warning"}  # methods that are not named as their level
_ENCODER = msgspec.json.Encoder()

_Processor = Callable[[object, str, MutableMapping[str, Any]], Any]

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
    """The same for the standard module, which writes text."""
    return json_line(logger, method, event).decode()


class JsonLogger:
    """structlog's `wrapper_class` for lines in JSON.

    It makes a line by itself, where structlog's own goes through its chain of calls, at three times the cost.
    Only a traceback is left to the `processors`, of which `json_line` is the last.
    """

    def __init__(self, logger: "_Writer", processors: Iterable[_Processor], context: object) -> None:
        self._write = logger.msg
        self._fields, *self._others = processors

    def debug(self, event: str, **fields: object) -> None:
        self._say("debug", event, fields)

    def info(self, event: str, **fields: object) -> None:
        self._say("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        self._say("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        self._say("error", event, fields)

    def exception(self, event: str, **fields: object) -> None:
        self._say("error", event, {"exc_info": True, **fields})

    def _say(self, method: str, event: str, fields: dict[str, Any]) -> None:
        fields["event"] = event
        line: Any = self._fields(None, method, fields)
        if "exc_info" not in fields:
            line = json_line(None, method, line)
        else:
            for process in self._others:
                line = process(None, method, line)
        self._write(line)


def json_logger(least: int) -> type[JsonLogger]:
    """Says nothing below the level `least`, a number of the standard module."""
    levels = {**logging.getLevelNamesMapping(), "EXCEPTION": logging.ERROR}
    quiet = {name.lower(): _say_nothing for name, level in levels.items() if level < least}
    return type("LeveledJsonLogger", (JsonLogger,), quiet)


def _say_nothing(_: JsonLogger, __: str, **___: object) -> None: ...


class _Writer(Protocol):
    def msg(self, message: bytes, /) -> None: ...
