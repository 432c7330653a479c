"""A live system for the generated clients, and what they are told of it."""

import json
from collections.abc import AsyncIterator

import pytest

from tests.integration.deploy.files import ROOT
from tests.support.system import System, running_system

ADMIN_TOKEN = "secret-of-admin"


@pytest.fixture
async def system(redis_url: str) -> AsyncIterator[System]:
    async with running_system(redis_url, ADMIN_TOKEN=ADMIN_TOKEN) as running:
        yield running


@pytest.fixture
def walk(system: System) -> dict[str, str]:
    """The environment of a client's walk through the API of that system."""
    offer = (ROOT / "tests/fixtures/offers/whip-chromium-156-VP8.sdp").read_bytes().decode()
    given = {"url": system.controls[0].url, "token": ADMIN_TOKEN, "offer": offer}
    return {"WALK": json.dumps(given)}
