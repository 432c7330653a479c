"""A running system for the tests of a module, and one Chromium for all; each test uses a room of its own."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser

from tests.support.browser import chromium
from tests.support.emptied import empty
from tests.support.system import System, running_system

ADMIN_TOKEN = "secret-of-admin"
PRIVATE_ROOM, PRIVATE_TOKEN = "private", "open-sesame"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def system(valkey_url: str) -> AsyncIterator[System]:
    empty(valkey_url)
    settings = {
        "ADMIN_TOKEN": ADMIN_TOKEN,
        "ROOM_TOKENS": f"{PRIVATE_ROOM}:{PRIVATE_TOKEN}",
        "VIEWER_REPORTS": "true",
    }
    async with running_system(valkey_url, **settings) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running
