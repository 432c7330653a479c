"""A collector of traces: takes what exporters send by OTLP over HTTP, in the protocol's own messages."""

import asyncio
import gzip
from dataclasses import dataclass

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.support.endpoint import Endpoint, headers_of


@dataclass(frozen=True)
class Seen:
    """A span. Times are Unix times in nanoseconds."""

    name: str
    service: str
    trace: str
    id: str
    parent: str
    began: int
    ended: int
    attributes: dict[str, str]
    failed: bool


class OtlpCollector(Endpoint):
    def __init__(self) -> None:
        super().__init__()
        self.spans: list[Seen] = []
        self.raw = b""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/traces"

    def traces(self) -> dict[str, list[Seen]]:
        """The spans by trace, in the order of their ends."""
        found: dict[str, list[Seen]] = {}
        for span in sorted(self.spans, key=lambda one: one.ended):
            found.setdefault(span.trace, []).append(span)
        return found

    async def respond(self, head: bytes, reader: asyncio.StreamReader) -> bytes:
        headers = headers_of(head)
        assert head.startswith(b"POST /v1/traces ")
        assert headers["content-type"] == "application/x-protobuf"
        body = await reader.readexactly(int(headers["content-length"]))
        self._take(gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body)
        answer = ExportTraceServiceResponse().SerializeToString()
        told = f"HTTP/1.1 200 OK\r\ncontent-length: {len(answer)}\r\ncontent-type: application/x-protobuf"
        return f"{told}\r\n\r\n".encode() + answer

    def _take(self, body: bytes) -> None:
        self.raw += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            of_process = {one.key: one.value.string_value for one in resource.resource.attributes}
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.spans.append(
                        Seen(
                            span.name,
                            of_process["service.name"],
                            span.trace_id.hex(),
                            span.span_id.hex(),
                            span.parent_span_id.hex(),
                            span.start_time_unix_nano,
                            span.end_time_unix_nano,
                            {one.key: one.value.string_value for one in span.attributes},
                            span.status.code == span.status.STATUS_CODE_ERROR,
                        )
                    )
