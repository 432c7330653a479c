"""What tests of several processes share."""

from collections.abc import AsyncIterator

import pytest

from tests.support.plane import Plane, running_plane


@pytest.fixture
async def plane(redis_url: str) -> AsyncIterator[Plane]:
    """A worker in the test's process."""
    async with running_plane(redis_url) as plane:
        yield plane
