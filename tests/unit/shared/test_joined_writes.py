"""What leaves in one write."""

import asyncio
from typing import cast

from shared.joined_writes import JoinedWrites


class Transport:
    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.written.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def joined() -> tuple[Transport, JoinedWrites]:
    transport = Transport()
    return transport, JoinedWrites(cast(asyncio.Transport, transport), asyncio.get_running_loop())


async def test_the_head_leaves_with_what_comes_right_behind_it() -> None:
    transport, writes = joined()
    writes.write(b"head")
    assert transport.written == []
    writes.write(b"body")
    writes.write(b"more")
    assert transport.written == [b"headbody", b"more"]
    await asyncio.sleep(0)
    assert transport.written == [b"headbody", b"more"]


async def test_a_head_alone_does_not_wait_for_the_body() -> None:
    transport, writes = joined()
    writes.write(b"head")
    await asyncio.sleep(0)
    assert transport.written == [b"head"]
    writes.write(b"body")
    assert transport.written == [b"head", b"body"]


async def test_closing_writes_the_head_first() -> None:
    transport, writes = joined()
    writes.write(b"head")
    writes.close()
    assert transport.written == [b"head"]
    assert transport.closed
    await asyncio.sleep(0)
    assert transport.written == [b"head"]


async def test_what_another_one_has_closed_gets_nothing() -> None:
    transport, writes = joined()
    writes.write(b"head")
    transport.close()
    assert writes.is_closing()
    await asyncio.sleep(0)
    assert transport.written == []
