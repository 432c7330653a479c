"""The end of a server of asyncio, and of its connections."""

import asyncio
import sys


async def end_server(server: asyncio.Server, *, reset: bool = False) -> None:
    """Take no more connections, and end those that there are.

    Before Python 3.13 a server does not know them: then they end with the test.
    """
    server.close()
    await asyncio.sleep(0)  # what was taken right before becomes a connection in the loop's next turn
    if sys.version_info >= (3, 13):
        if reset:
            server.abort_clients()
        else:
            server.close_clients()
