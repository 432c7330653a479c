"""What every test may ask for: a real Valkey."""

from collections.abc import Iterator

import hypothesis
import pytest
from redis import Redis

from deploy.valkey import EmbeddedValkey

# how long an example takes tells of the machine's other load
hypothesis.settings.register_profile("roomcast", deadline=None)
hypothesis.settings.load_profile("roomcast")


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """URL of this test run's own Valkey."""
    valkey = EmbeddedValkey()
    valkey.start()
    yield valkey.url
    valkey.stop()


@pytest.fixture
def redis_url(valkey_url: str) -> str:
    """URL of that Valkey, emptied for this test."""
    with Redis.from_url(valkey_url) as redis:
        redis.flushall()
    return valkey_url
