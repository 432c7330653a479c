"""The embedded Valkey starts, is private, and does not outlive its parent."""

import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import psutil
import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError
from redis.retry import Retry

from deploy.valkey import EmbeddedValkey, ValkeyError


@pytest.fixture
def valkey() -> Iterator[EmbeddedValkey]:
    valkey = EmbeddedValkey()
    valkey.start()
    yield valkey
    valkey.stop()


def test_answers_once_started(valkey: EmbeddedValkey) -> None:
    with Redis.from_url(valkey.url) as redis:
        assert redis.ping()
        assert redis.config_get("save") == {"save": ""}


def test_refuses_whoever_has_no_password(valkey: EmbeddedValkey) -> None:
    with Redis(port=valkey.port, retry=Retry(NoBackoff(), 0)) as stranger, pytest.raises(AuthenticationError):
        stranger.ping()


def test_listens_on_loopback_only(valkey: EmbeddedValkey) -> None:
    listening = [c.laddr for c in psutil.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert {address.ip for address in listening if address.port == valkey.port} == {"127.0.0.1"}


def test_stops_and_frees_its_port(valkey: EmbeddedValkey) -> None:
    valkey.stop()
    valkey.stop()  # twice does no harm
    again = EmbeddedValkey(valkey.port)
    again.start()
    again.stop()


def test_says_when_the_port_is_taken(valkey_url: str, capfd: pytest.CaptureFixture[str]) -> None:
    port = urlsplit(valkey_url).port
    with pytest.raises(ValkeyError, match=str(port)):
        EmbeddedValkey(port).start()


STARTER = """
import time
from deploy.valkey import EmbeddedValkey
EmbeddedValkey().start()
print(flush=True)
time.sleep(60)
"""


def test_dies_with_its_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE)
    assert parent.stdout
    with parent.stdout as started:
        started.readline()
    [child] = psutil.Process(parent.pid).children()
    parent.kill()
    parent.wait()
    child.wait(timeout=3)
