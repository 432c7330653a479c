"""Structured logs for both planes: one event a line, for people or for machines, without secrets.

Events are short phrases; values go into fields. Session ids are credentials and are cut. Tracebacks come
without local variables, which may hold tokens.
"""

import logging
import sys
from typing import cast

from shared.left_out import left_out
from shared.names import cut_session

with left_out("rich", "greenlet"):  # 5 MB of each process, to colour tracebacks that we write plainly
    import structlog
    from structlog.contextvars import bound_contextvars
    from structlog.tracebacks import ExceptionDictTransformer
    from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

__all__ = ["bound_contextvars", "configure_logging", "get_logger", "write_audit"]


def _cut_session(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Cut `session` to its worker and the first four characters of its secret part."""
    session = event.get("session")
    if isinstance(session, str):
        event["session"] = cut_session(session)
    return event


def configure_logging(level: str, form: str = "auto", **context: str) -> None:
    """Set up the logs of this process; `context` (`plane`, `worker`) is in each line."""
    console = form == "console" or (form == "auto" and sys.stderr.isatty())
    renderer = (
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        if console
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _cut_session,
    ]
    if not console:
        shared.append(structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)))
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(**context)
    # libraries log through the standard module: in the same form, from WARNING up
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
        )
    )
    logging.basicConfig(
        handlers=[handler], level=max(logging.WARNING, logging.getLevelNamesMapping()[level]), force=True
    )


def write_audit(**fields: object) -> None:
    """Write a line with the event `audit`, whatever the level of the logs is."""
    everything = structlog.make_filtering_bound_logger(logging.NOTSET)
    structlog.wrap_logger(structlog.PrintLogger(sys.stderr), wrapper_class=everything).info("audit", **fields)


def get_logger() -> FilteringBoundLogger:
    return cast(FilteringBoundLogger, structlog.get_logger())
