"""What control asks the servers of recordings."""

import asyncio

import pytest
from starlette.requests import Request

from control.records.proxy import RecordProxy
from shared.errors import ErrorCode, ServiceError
from shared.records.record_name import parse_record_name
from tests.support.endpoint import Endpoint, headers_of


class Folder(Endpoint):
    """Has an empty recording, and sets a cookie, as a balancer before a store may."""

    async def respond(self, head: bytes, reader: asyncio.StreamReader) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: session=1; Path=/\r\n\r\n"


async def test_the_next_clients_request_carries_no_cookie_of_the_one_before() -> None:
    name = parse_record_name("demo_1700000000.mp4")
    assert name is not None
    proxy = RecordProxy(has_store=False)
    async with Folder() as server:
        for _ in range(2):
            request = Request({"type": "http", "method": "HEAD", "headers": []})
            await proxy.fetch(f"http://127.0.0.1:{server.port}/{name.text}", name, request)
        await proxy.close()
    assert ["cookie" in headers_of(head) for head in server.heads] == [False, False]


class Refusing(Endpoint):
    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status

    async def respond(self, head: bytes, reader: asyncio.StreamReader) -> bytes:
        return b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % self.status


@pytest.mark.parametrize("status", [400, 403, 404, 408, 412, 429, 500, 503])
async def test_only_what_its_server_does_not_have_is_missing(status: int) -> None:
    name = parse_record_name("demo_1700000000.mp4")
    assert name is not None
    proxy = RecordProxy(has_store=False)
    async with Refusing(status) as server:
        request = Request({"type": "http", "method": "GET", "headers": []})
        with pytest.raises(ServiceError) as refused:
            await proxy.fetch(f"http://127.0.0.1:{server.port}/{name.text}", name, request)
        await proxy.close()
    assert refused.value.code is (ErrorCode.NOT_FOUND if status == 404 else ErrorCode.NO_WORKER)
