"""FFmpeg's DTLS, in both roles: with OpenSSL, and with GnuTLS, as in PyAV and in Debian."""

import json
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path

import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from tests.support.certificate import new_certificate
from tests.support.emptied import empty
from tests.support.foreign_client import running_client
from tests.support.system import System, running_system
from tests.support.waiting import eventually
from tests.support.whip_ffmpeg import publish_command

ROLES: dict[str, list[str]] = {"passive": [], "active": ["whip_flags=dtls_active"]}
# From our answer to the keys. In the active role GnuTLS's client takes a quarter of a second by itself.
KEYS_SECONDS = {"passive": 0.3, "active": 0.6}
TO_THE_METRICS = 1.0  # from the keys to the first packet: a lost flight costs more (RFC 6347 4.2.4.1)
FLOW_SECONDS = 2.0

Command = Callable[[str, list[str]], list[str]]

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


def with_openssl(url: str, options: list[str]) -> list[str]:
    return publish_command(url, [part for option in options for part in f"-{option}".split("=")])


def with_gnutls(url: str, options: list[str]) -> list[str]:
    return [sys.executable, "-m", "tests.support.pyav_publisher", url, "30", *options]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(valkey_url: str) -> AsyncIterator[System]:
    """Of all of them: each has a room of its own."""
    empty(valkey_url)
    async with running_system(valkey_url) as running:
        yield running


@pytest.mark.alone
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("command", [with_openssl, with_gnutls], ids=["openssl", "gnutls"])
async def test_media_comes_at_once_and_flows(
    system: System, tmp_path: Path, command: Command, role: str
) -> None:
    """As a server it listens only after our first flight. DTLS after the handshake makes it stand still."""
    certificate, key = new_certificate(tmp_path)
    options = [*ROLES[role], f"cert_file={certificate}", f"key_file={key}"]
    room = f"{command.__name__}-{role}"
    with running_client(command(system.whip(room), options)):

        async def packets() -> float:
            return await series(system, f'live_rtp_packets_total{{"room": "{room}"}}')

        await eventually("media came", packets, 10, every=0.05)
        came_at = time.time()
        opened_at, connected_at = (
            datetime.fromisoformat(logged(system, room, f"session {what}")["timestamp"]).timestamp()
            for what in ("opened", "connected")
        )
        print(f"keys after {connected_at - opened_at:.3f} s, media after {came_at - opened_at:.3f} s")
        assert connected_at - opened_at < KEYS_SECONDS[role]
        assert came_at - connected_at < TO_THE_METRICS

        async def flows() -> bool:
            return await packets() > 0.7 * (25 + 50) * FLOW_SECONDS

        await eventually("media flows", flows, FLOW_SECONDS)
        assert logged(system, room, "session connected")["profile"] == "AES128_CM_SHA1_80"


@pytest.mark.parametrize("role", ROLES)
async def test_the_certificate_that_ffmpeg_makes_with_gnutls_is_refused_with_a_reason(
    system: System, role: str
) -> None:
    room = f"refused-{role}"
    failed = 'roomcast_handshakes_failed_total{"reason": "unsupported_curve", "role": "publish"}'
    before = await series(system, failed)
    with running_client(with_gnutls(system.whip(room), ROLES[role])):
        ended = await eventually("the session has ended", lambda: logged(system, room, "session ended"), 10)
    assert ended["reason"] == "DTLS handshake failed"
    assert ended["why"].startswith("OpenSSL does not take the curve of the peer's certificate: P-224")
    assert await series(system, failed) == before + 1


def logged(system: System, room: str, event: str) -> dict[str, str]:
    """That event of the room's session in the worker's log; empty until it is there."""
    lines = [json.loads(line) for line in system.workers[0].log.read_text().splitlines()]
    session = next((line["session"] for line in lines if line.get("room") == room), None)
    return next((line for line in lines if (line["event"], line.get("session")) == (event, session)), {})


async def series(system: System, name: str) -> float:
    """The worker's metric of that name and labels; 0 as long as there is none."""
    text = (await system.http.get(f"{system.workers[0].metrics_url}/metrics")).text
    samples = (one for family in text_string_to_metric_families(text) for one in family.samples)
    return next(
        (one.value for one in samples if one.name + json.dumps(one.labels, sort_keys=True) == name), 0.0
    )
