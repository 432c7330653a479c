"""Traces by OpenTelemetry, sent by OTLP over HTTP. Imported only when they are on: see `tracing.py`.

A thread of the SDK sends them. Its queue is bounded: while the collector is away, spans are dropped.
Its standard variables apply, such as OTEL_TRACES_SAMPLER and OTEL_EXPORTER_OTLP_HEADERS.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

EXPORT_SECONDS = 5.0  # the limit of one request to the collector
SEND_EVERY_MS = 1_000
MAX_WAITING = 2_048  # spans that wait to be sent
_MAX_TRACEPARENT = 512  # characters of the header that are read

Attribute = str | int | float | bool


class OpenTelemetry:
    """What the functions of `tracing.py` do, where traces are on."""

    def __init__(self, url: str, service: str, instance: str) -> None:
        resource = {"service.name": service, "service.version": version("roomcast")}
        if instance:
            resource["service.instance.id"] = instance
        self._provider = TracerProvider(resource=Resource.create(resource), shutdown_on_exit=False)
        self._provider.add_span_processor(
            BatchSpanProcessor(
                OTLPSpanExporter(endpoint=url, timeout=EXPORT_SECONDS),
                max_queue_size=MAX_WAITING,
                schedule_delay_millis=SEND_EVERY_MS,
            )
        )
        self._tracer = self._provider.get_tracer("roomcast")
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def root(self, name: str, traceparent: str, attributes: dict[str, Attribute]) -> Iterator[None]:
        carrier = {"traceparent": traceparent[:_MAX_TRACEPARENT]}
        parent = self._propagator.extract(carrier, context.Context())
        with self._tracer.start_as_current_span(
            name,
            parent,
            SpanKind.SERVER,
            attributes,
            record_exception=False,  # its text may quote an offer
            set_status_on_exception=False,
        ) as span:
            yield from _noting_errors(span)

    @contextmanager
    def span(self, name: str, attributes: dict[str, Attribute]) -> Iterator[None]:
        if not trace.get_current_span().get_span_context().is_valid:
            yield
            return
        with self._tracer.start_as_current_span(
            name, None, SpanKind.INTERNAL, attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            yield from _noting_errors(span)

    def traceparent(self) -> str:
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        return carrier.get("traceparent", "")

    def here(self) -> "_Later | None":
        present = trace.get_current_span()
        return _Later(self._tracer, present) if present.is_recording() else None

    def close(self, seconds: float) -> None:
        self._provider.force_flush(round(seconds * 1000))


class _Later:
    """A `Trace`."""

    def __init__(self, tracer: trace.Tracer, parent: Span) -> None:
        self._tracer = tracer
        self._parent = trace.set_span_in_context(parent, context.Context())

    def add(self, name: str, began: float, ended: float, **attributes: Attribute) -> None:
        span = self._tracer.start_span(name, self._parent, attributes=attributes, start_time=_ns(began))
        span.end(_ns(max(began, ended)))


def _noting_errors(span: Span) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        span.set_attribute("error.type", str(getattr(error, "code", type(error).__name__)))
        span.set_status(StatusCode.ERROR)
        raise


def _ns(unix_time: float) -> int:
    return round(unix_time * 1e9)
