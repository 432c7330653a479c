"""Structured logs for both planes: one event a line, for people or for machines, without secrets.

Events are short phrases; values go into fields. Session ids are credentials and are cut. Tracebacks come
without local variables, which may hold tokens.
"""

import atexit
import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO, cast

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import FilteringBoundLogger, Processor

from shared.names import cut_session
from shared.telemetry.line_writer import LineWriter

STDERR = 2
DRAIN_SECONDS = 1.0  # the time that the last lines have at the end of a process

_lines: LineWriter | None = None  # of this process


def configure_logging(level: str, form: str = "auto", **context: str) -> None:
    """Set up the logs of this process; `context` (`plane`, `worker`) is in each line.

    So are the fields that `structlog.contextvars` has, such as `request_id`.
    """
    console = form == "console" or (form == "auto" and sys.stderr.isatty())

    def add_context(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for name, value in context.items():
            event.setdefault(name, value)
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        add_context,
        _cut_session,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Processor
    if console:
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    else:
        shared.append(structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)))
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    least = logging.getLevelNamesMapping()[level]
    global _lines
    if _lines is not None:
        _lines.close()
    lines = _lines = LineWriter(STDERR, _tell_dropped)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, lines)),  # a line and its end at once
        cache_logger_on_first_use=True,
    )
    # libraries log through the standard module: in the same form, from WARNING up
    handler = logging.StreamHandler(lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(logging.WARNING, least), force=True)


def _cut_session(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A session keeps its worker and the first four characters of its secret part."""
    session = event.get("session")
    if isinstance(session, str):
        event["session"] = cut_session(session)
    return event


def _tell_dropped(lines: int) -> None:
    get_logger().error("log lines were dropped: whoever reads the log was too slow", lines=lines)


def dropped_lines() -> int:
    """How many lines of the log this process has dropped, since nobody read them in time."""
    return 0 if _lines is None else _lines.dropped


@atexit.register
def drain_logs() -> None:
    """Wait a moment until the log is out: for the end of a process."""
    if _lines is not None:
        _lines.drain(DRAIN_SECONDS)


def write_audit(**fields: object) -> None:
    """Write a line with the event `audit`, whatever the level of the logs is."""
    everything = structlog.make_filtering_bound_logger(logging.NOTSET)
    structlog.wrap_logger(None, wrapper_class=everything).info("audit", **fields)


def get_logger() -> FilteringBoundLogger:
    return cast(FilteringBoundLogger, structlog.get_logger())
