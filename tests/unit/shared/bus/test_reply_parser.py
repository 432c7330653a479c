"""What Redis sends is read as redis-py's own parser reads it, however its bytes come."""

import asyncio
from typing import Any

import pytest
from redis._parsers import _AsyncRESP3Parser
from redis.asyncio.connection import Connection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, NoScriptError, ResponseError

from shared.bus.replies import NOTHING, Replies
from shared.bus.reply_parser import ReplyParser

SENT = (
    b"+OK\r\n",
    b":-12\r\n",
    b"(3492890328409238509324850943850943825024385\r\n",
    b",1.5\r\n",
    b"#t\r\n",
    b"_\r\n",
    b"$0\r\n\r\n",
    b"$5\r\na\r\n$b\r\n",
    b"=7\r\ntxt:abc\r\n",
    b"*0\r\n",
    b"*3\r\n$1\r\nk\r\n*2\r\n:1\r\n_\r\n-ERR within\r\n",
    b"~2\r\n:1\r\n:1\r\n",
    b"%2\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n%0\r\n",
    b"-NOSCRIPT No matching script.\r\n",
    b"!9\r\nERR wrong\r\n",
    b">2\r\n+told\r\n:1\r\n:7\r\n",
)
FEW_OCTETS = (1, 2, 7, 1000)


async def read(kind: type[_AsyncRESP3Parser], sent: bytes, values: int, octets: int) -> list[Any]:
    """All `values`, of bytes that come so many at a time."""
    connection: Any = Connection()
    connection._reader = asyncio.StreamReader()
    parser: Any = kind(65_536)
    parser.on_connect(connection)
    reading = asyncio.create_task(read_all(parser, values))
    for at in range(0, len(sent), octets):
        connection._reader.feed_data(sent[at : at + octets])
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        found = await reading
    assert not await parser.can_read()
    return found


async def read_all(parser: Any, values: int) -> list[Any]:
    return [await parser.read_response(disable_decoding=True) for _ in range(values)]


@pytest.mark.parametrize("octets", FEW_OCTETS)
@pytest.mark.parametrize("sent", SENT, ids=repr)
async def test_a_value(sent: bytes, octets: int) -> None:
    assert repr(await read(ReplyParser, sent, 1, octets)) == repr(
        await read(_AsyncRESP3Parser, sent, 1, octets)
    )


@pytest.mark.parametrize("octets", FEW_OCTETS)
async def test_many_values(octets: int) -> None:
    sent = b"".join(SENT)
    found = await read(ReplyParser, sent, len(SENT), octets)
    assert repr(found) == repr(await read(_AsyncRESP3Parser, sent, len(SENT), octets))


@pytest.mark.parametrize("sent", [b"$-1\r\n", b"*-1\r\n"])
async def test_nothing_as_older_servers_say_it(sent: bytes) -> None:
    assert await read(ReplyParser, sent, 1, 1000) == [None]


async def test_an_error_that_ends_the_connection_is_raised() -> None:
    with pytest.raises(RedisConnectionError):
        await read(ReplyParser, b"-LOADING Redis is loading the dataset in memory\r\n", 1, 1000)


async def test_the_end_of_a_connection_is_an_error_and_of_the_next_one_nothing_is_left() -> None:
    connection: Any = Connection()
    connection._reader = asyncio.StreamReader()
    parser: Any = ReplyParser(65_536)
    parser.on_connect(connection)
    connection._reader.feed_data(b"$3\r\nab")
    connection._reader.feed_eof()
    with pytest.raises(RedisConnectionError):
        await parser.read_response()
    connection._reader = asyncio.StreamReader()
    connection._reader.feed_data(b":1\r\n")
    parser.on_connect(connection)
    assert await parser.read_response() == 1


async def test_what_nobody_asked_for_is_seen() -> None:
    connection: Any = Connection()
    connection._reader = asyncio.StreamReader()
    connection._reader.feed_data(b":1\r\n:2\r\n")
    parser: Any = ReplyParser(65_536)
    parser.on_connect(connection)
    assert await parser.read_response() == 1
    assert await parser.can_read()


@pytest.mark.parametrize("sent", [b"?\r\n", b"abc\r\n"])
def test_what_is_no_value_is_refused(sent: bytes) -> None:
    replies = Replies(ResponseError)
    replies.feed(sent)
    with pytest.raises(InvalidResponse):
        replies.take()


def test_each_octet_is_looked_at_once() -> None:
    """A hundred thousand parts, ten octets at a time: quadratic time would take minutes."""
    replies = Replies(NoScriptError)
    sent = b"*100000\r\n" + b":1\r\n" * 100_000
    found: Any = NOTHING
    for at in range(0, len(sent), 10):
        replies.feed(sent[at : at + 10])
        found = replies.take()
    assert found == [1] * 100_000
    assert replies.is_empty
