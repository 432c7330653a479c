"""Wait for something to become true, without a guessed sleep."""

import asyncio
import inspect
import os
import time
from collections.abc import Callable
from typing import Any

POLL_SECONDS = 0.05
PATIENCE = float(
    os.environ.get("PATIENCE", "1")
)  # `make mutants` has less: most of what it waits for never comes


async def eventually(what: str, look: Callable[[], Any], within: float, every: float = POLL_SECONDS) -> Any:
    """The first truthy result of `look`, plain or awaited; fails after `within` seconds, saying `what`."""
    deadline = time.monotonic() + within * PATIENCE
    while True:
        found = look()
        result = await found if inspect.isawaitable(found) else found
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:g} s: {what} (last: {result!r})")
        await asyncio.sleep(every)
