"""A collector of traces: takes what exporters send by OTLP over HTTP, in the protocol's own messages."""

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.support.server_end import end_server


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


@dataclass
class OtlpCollector:
    spans: list[Seen] = field(default_factory=list)
    raw: bytes = b""
    _port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1/traces"

    def traces(self) -> dict[str, list[Seen]]:
        """The spans by trace, in the order of their ends."""
        found: dict[str, list[Seen]] = {}
        for span in sorted(self.spans, key=lambda one: one.ended):
            found.setdefault(span.trace, []).append(span)
        return found

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
                assert head.startswith("post /v1/traces ")
                assert headers["content-type"] == "application/x-protobuf"
                body = await reader.readexactly(int(headers["content-length"]))
                self._take(gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body)
                answer = ExportTraceServiceResponse().SerializeToString()
                head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(answer)}\r\n"
                writer.write(f"{head}content-type: application/x-protobuf\r\n\r\n".encode() + answer)
                await writer.drain()
        writer.close()

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


@contextlib.asynccontextmanager
async def otlp_collector() -> AsyncIterator[OtlpCollector]:
    collector = OtlpCollector()
    server = await asyncio.start_server(collector.serve, "127.0.0.1", 0)
    collector._port = server.sockets[0].getsockname()[1]
    try:
        yield collector
    finally:
        await end_server(server)
