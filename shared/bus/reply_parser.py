"""The parser of our connections. redis-py's own waits for each line apart, through a dozen calls.

Most of what Redis sends us has come as a whole with its first byte.
"""

from typing import Any

from redis._parsers import _AsyncRESP3Parser
from redis.exceptions import ConnectionError as RedisConnectionError

from shared.bus.replies import NOTHING, Push, Replies

_READ_BYTES = 65_536


class ReplyParser(_AsyncRESP3Parser):
    """For redis-py's `parser_class`."""

    def __init__(self, socket_read_size: int) -> None:
        super().__init__(socket_read_size)  # type: ignore[no-untyped-call]
        self._replies = Replies(self.parse_error)

    def on_connect(self, connection: Any) -> None:
        super().on_connect(connection)  # type: ignore[no-untyped-call]
        self._replies = Replies(self.parse_error)

    async def can_read(self) -> bool:
        return not self._replies.is_empty or await super().can_read()

    async def can_read_destructive(self) -> bool:
        """As redis-py before 8 calls it."""
        return not self._replies.is_empty or await super().can_read_destructive()

    async def read_response(self, disable_decoding: bool = False, push_request: bool = False) -> Any:
        """Raises redis-py's `ConnectionError`; any other error that Redis sends is returned."""
        while True:
            if (found := self._replies.take()) is NOTHING:
                await self._read_more()
            elif isinstance(found, Push):
                told = await self.handle_push_response(found)  # type: ignore[no-untyped-call]
                if push_request:
                    return told
            elif isinstance(found, RedisConnectionError):
                raise found
            else:
                return found

    async def _read_more(self) -> None:
        if self._stream is None or not (data := await self._stream.read(_READ_BYTES)):
            raise RedisConnectionError("Connection closed by server.")
        self._replies.feed(data)
