"""The rest of an answer of which only the status counts."""

import asyncio
from contextlib import suppress

import httpx

BODY_SECONDS = 1.0  # for the rest of an answer whose status is known
MAX_ANSWER_BYTES = 16_384  # more is not read: the connection is closed


async def read_rest(response: httpx.Response) -> None:
    """Read a short body, so that the connection may be used again. What it says does not matter."""
    read = 0
    with suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in response.aiter_raw():
                read += len(chunk)
                if read > MAX_ANSWER_BYTES:
                    return
