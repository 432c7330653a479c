"""The end of a server of asyncio's connections."""

import asyncio
import sys


def end_connections(server: asyncio.Server, *, reset: bool = False) -> None:
    """Before Python 3.13 there is no such thing: then they end with the test."""
    if sys.version_info >= (3, 13):
        if reset:
            server.abort_clients()
        else:
            server.close_clients()
