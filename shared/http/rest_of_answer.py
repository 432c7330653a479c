"""The rest of an answer of which only the status counts."""

import asyncio
from contextlib import suppress

import httpx

MAX_ANSWER_BYTES = 16_384  # more is not read: the connection is closed


async def read_rest(response: httpx.Response, seconds: float) -> None:
    """Read a short body, for `seconds` at most, so that the connection may be used again."""
    read = 0
    with suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(seconds):
            async for chunk in response.aiter_raw():
                read += len(chunk)
                if read > MAX_ANSWER_BYTES:
                    return
