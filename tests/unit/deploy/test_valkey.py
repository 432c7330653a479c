"""The embedded Valkey starts, and is private."""

from collections.abc import Iterator

import psutil
import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError
from redis.retry import Retry

from tests.support.own_valkey import OwnValkey


@pytest.fixture
def valkey() -> Iterator[OwnValkey]:
    valkey = OwnValkey()
    valkey.start()
    yield valkey
    valkey.stop()


def test_answers_once_started(valkey: OwnValkey) -> None:
    with Redis.from_url(valkey.url) as redis:
        assert redis.ping()
        assert redis.config_get("save") == {"save": ""}


def test_refuses_whoever_has_no_password(valkey: OwnValkey) -> None:
    with Redis(port=valkey.port, retry=Retry(NoBackoff(), 0)) as stranger, pytest.raises(AuthenticationError):
        stranger.ping()


def test_listens_on_loopback_only(valkey: OwnValkey) -> None:
    listening = [c.laddr for c in psutil.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert {address.ip for address in listening if address.port == valkey.port} == {"127.0.0.1"}
