"""What tests of several processes share."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from shared.bus.connection import connect


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """The product's own client of the test's Valkey."""
    client = connect(redis_url)
    yield client
    await client.aclose()
