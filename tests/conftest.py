"""What every test may ask for, a real Valkey, and what holds for all of them."""

import gc
import itertools
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import hypothesis
import pytest
import structlog
from redis.asyncio import Redis

from shared.bus.connection import connect
from tests.support.emptied import empty
from tests.support.free_ports import free_port
from tests.support.own_valkey import OwnValkey

TESTS = Path(__file__).parent

# how long an example takes, to draw and to try, says more about the machine's other load
hypothesis.settings.register_profile(
    "roomcast", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("roomcast")

# tests talk to this machine only: no proxy stands in between
for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
    del os.environ[name]

# Tracebacks as our processes write them: rich, if it is installed, takes a third of a second for one with all
# locals, and holds up the event loop that a test's worker and its caller share.
plainly = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plainly])


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector from modules and tests, which all live on: it takes a third of this time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True, scope="module")
def nothing_left_open() -> Iterator[None]:
    """Collect at the end of each file: what it left open fails it, and not a later one.

    What lives on is looked at once: there is the more of it, the later the file.
    """
    yield
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give tests that run beside each other an order: files that wait first, then those with a long test.

    Browsers compute more than the other tests that wait, so their files take turns with those.
    """
    if not hasattr(config, "workerinput"):  # one test at a time: in the order of the tree
        return
    files: defaultdict[str, list[list[pytest.Item]]] = defaultdict(list)
    for path, tests in itertools.groupby(items, key=lambda item: item.path):
        files[path.relative_to(TESTS).parts[0]].append(list(tests))
    turns = itertools.zip_longest(files.pop("e2e", []), files.pop("integration", []), fillvalue=[])
    first = [*itertools.chain.from_iterable(turns), *files.pop("world", [])]
    items[:] = itertools.chain.from_iterable([*first, *itertools.chain.from_iterable(files.values())])


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """URL of this test run's own Valkey."""
    valkey = OwnValkey(free_port())
    valkey.start()
    yield valkey.url
    valkey.stop()


@pytest.fixture
def own_valkey() -> Iterator[OwnValkey]:
    """A running Valkey that the test may stop and start; it keeps nothing."""
    valkey = OwnValkey(free_port())
    valkey.start()
    yield valkey
    valkey.stop()


@pytest.fixture
def redis_url(valkey_url: str) -> str:
    """URL of that Valkey, empty as a new one is."""
    empty(valkey_url)
    return valkey_url


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """The product's own client of that Valkey."""
    async with connect(redis_url) as client:
        yield client
