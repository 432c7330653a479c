"""A request that goes to Redis along with the look for its reply, over the connection that waits for that."""

import asyncio
from dataclasses import dataclass
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError

from shared.beat import until_beat
from shared.bus.batch import script
from shared.bus.connection import CALL_TIMEOUT_SECONDS, Line, answered_within
from shared.bus.round_trip import result
from shared.bus.rpc import BLOCK_SECONDS, entry


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


async def push_and_pop(line: Line, reply_to: str, push: HandedPush) -> bytes | None:
    """The next reply, or empty if the push was refused. Both in one round trip if that is soon.

    The push is settled before that, as soon as Redis has answered it. None: no reply came, or the connection
    was dead, or the push's caller has given up.
    """
    if push.taken.done():
        return None
    seconds = until_beat(asyncio.get_running_loop().time(), BLOCK_SECONDS)
    evaluate = ("EVALSHA", script("push_request").sha1, len(push.keys), *push.keys, *push.args)
    commands = [evaluate, ("BLPOP", reply_to, seconds)]
    try:
        async with answered_within(CALL_TIMEOUT_SECONDS):
            connection = await line.connected()
            await connection.send_packed_command(connection.pack_commands(commands))
            push.settle(await result(connection))
        async with answered_within(seconds + CALL_TIMEOUT_SECONDS):
            return entry(await result(connection))
    except RedisConnectionError as error:
        if push.taken.done():
            raise
        push.settle(error)  # its caller pushes it by another connection, and this one is made anew at once
        return None
    except BaseException as error:
        push.settle(error if isinstance(error, Exception) else asyncio.CancelledError())
        raise
