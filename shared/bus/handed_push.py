"""A request that goes to Redis along with the look for its reply, over the connection that waits for that."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from shared.beat import until_beat
from shared.bus.batch import script
from shared.bus.connection import CALL_TIMEOUT_SECONDS, answered_within
from shared.bus.rpc import BLOCK_SECONDS


@dataclass(frozen=True, slots=True)
class HandedPush:
    """Keys and arguments of push_request.lua, and what it returned."""

    keys: list[str]
    args: list[Any]
    taken: asyncio.Future[int]

    def settle(self, taken: int | BaseException) -> None:
        if self.taken.done():  # its caller has given up
            return
        if isinstance(taken, BaseException):
            self.taken.set_exception(taken)
        else:
            self.taken.set_result(int(taken))


async def push_and_pop(reader: Redis, reply_to: str, push: HandedPush) -> bytes | None:
    """The next reply, or empty if the push was refused. Both in one round trip if that is soon.

    The push is settled before that, as soon as Redis has answered it. None: no reply came, or the connection
    was dead, or the push's caller has given up.
    """
    if push.taken.done():
        return None
    seconds = until_beat(asyncio.get_running_loop().time(), BLOCK_SECONDS)
    evaluate = ("EVAL", script("push_request").text, len(push.keys), *push.keys, *push.args)
    try:
        async with _lent(reader) as connection:
            async with answered_within(CALL_TIMEOUT_SECONDS):
                await connection.send_packed_command(
                    connection.pack_commands([evaluate, ("BLPOP", reply_to, seconds)])
                )
                push.settle(await _taken(connection))
            async with answered_within(seconds + CALL_TIMEOUT_SECONDS):
                popped = await connection.read_response()
    except RedisConnectionError as error:
        if push.taken.done():
            raise
        push.settle(error)  # its caller pushes it by another connection, and this one is made anew at once
        return None
    except BaseException as error:
        push.settle(error if isinstance(error, Exception) else asyncio.CancelledError())
        raise
    return popped[1] if popped else None


@asynccontextmanager
async def _lent(reader: Redis) -> AsyncIterator[Any]:
    """A connection of redis-py: its pipelines tell the first result only along with the last."""
    pool = reader.connection_pool
    async with answered_within(CALL_TIMEOUT_SECONDS):
        connection = await pool.get_connection()  # type: ignore[no-untyped-call]
    try:
        yield connection
    except BaseException:  # a result may be under way, which nobody awaits
        await connection.disconnect(nowait=True)
        raise
    finally:
        await pool.release(connection)


async def _taken(connection: Any) -> int | ResponseError:
    """What the script returned; if it failed, the other command's result comes all the same."""
    try:
        taken: int = await connection.read_response()
    except ResponseError as error:
        return error
    return taken
