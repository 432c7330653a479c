"""Structured logs for both planes: one event a line, for people or for machines, without secrets.

Events are short phrases; values go into fields. Session ids are credentials and are cut. Tracebacks come
without local variables, which may hold tokens.
"""

import logging
import sys
from typing import cast

from shared.left_out import left_out
from shared.telemetry.log_line import Fields, json_line, json_text

with left_out("rich", "greenlet"):  # 5 MB of each process, to colour tracebacks that we write plainly
    import structlog
    from structlog.tracebacks import ExceptionDictTransformer
    from structlog.typing import FilteringBoundLogger


def configure_logging(level: str, form: str = "auto", **context: str) -> None:
    """Set up the logs of this process; `context` (`plane`, `worker`) is in each line."""
    console = form == "console" or (form == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [Fields(context)]
    renderer: structlog.typing.Processor
    renderer_of_libraries: structlog.typing.Processor
    factory: structlog.PrintLoggerFactory | structlog.BytesLoggerFactory
    least = logging.getLevelNamesMapping()[level]
    if console:
        renderer = renderer_of_libraries = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        factory = structlog.PrintLoggerFactory(sys.stderr)
    else:
        shared.append(structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)))
        renderer, renderer_of_libraries = json_line, json_text
        factory = structlog.BytesLoggerFactory(sys.stderr.buffer)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=factory,
        cache_logger_on_first_use=True,
    )
    # libraries log through the standard module: in the same form, from WARNING up
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer_of_libraries],
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(logging.WARNING, least), force=True)


def write_audit(**fields: object) -> None:
    """Write a line with the event `audit`, whatever the level of the logs is."""
    everything = structlog.make_filtering_bound_logger(logging.NOTSET)
    structlog.wrap_logger(None, wrapper_class=everything).info("audit", **fields)


def get_logger() -> FilteringBoundLogger:
    return cast(FilteringBoundLogger, structlog.get_logger())
