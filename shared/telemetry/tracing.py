"""Traces: what an offer goes through, from its POST to the first picture, over all processes.

On with `TRACES_URL`. Otherwise `span` gives out one object that does nothing, and OpenTelemetry stays out.
Spans are made for offers and their sessions, never for packets. Their attributes are rooms, workers, request
ids, codes: no credential, no session id, no SDP.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Protocol

from shared.settings.settings import Settings, SettingsError

if TYPE_CHECKING:
    from shared.telemetry.otel import OpenTelemetry

Attribute = str | int | float | bool


class Trace(Protocol):
    """A span that others are added to later. Times are Unix times in seconds."""

    def add(self, name: str, began: float, ended: float, **attributes: Attribute) -> None: ...


_NOTHING: AbstractContextManager[None] = nullcontext()
_tracer: "OpenTelemetry | None" = None


def configure_tracing(settings: Settings, service: str, instance: str = "") -> None:
    """Turn traces on if the settings say so. Raises `SettingsError` if OpenTelemetry is not installed."""
    global _tracer
    if not settings.traces_url:
        return
    try:
        from shared.telemetry.otel import OpenTelemetry
    except ModuleNotFoundError:
        raise SettingsError("TRACES_URL requires OpenTelemetry: pip install 'roomcast[otel]'") from None
    _tracer = OpenTelemetry(settings.traces_url, service, instance)


def root_span(name: str, traceparent: str = "", **attributes: Attribute) -> AbstractContextManager[None]:
    """A span that begins a trace, or continues the one of `traceparent` (W3C Trace Context)."""
    return _NOTHING if _tracer is None else _tracer.root(name, traceparent, attributes)


def span(name: str, **attributes: Attribute) -> AbstractContextManager[None]:
    """A span within the present one; nothing, if there is no present one."""
    return _NOTHING if _tracer is None else _tracer.span(name, attributes)


def traceparent() -> str:
    """The present span, for another process to continue; empty: there is none."""
    return "" if _tracer is None else _tracer.traceparent()


def trace_here() -> Trace | None:
    """The present span, to add others to it later; None: nobody wants to know."""
    return None if _tracer is None else _tracer.here()


def close_tracing(seconds: float) -> None:
    """Send the spans that wait, within `seconds`. Blocks: the process has nothing else to do."""
    global _tracer
    if _tracer is not None:
        _tracer.close(seconds)
        _tracer = None
