"""FFmpeg's DTLS, in both roles: with OpenSSL, and with GnuTLS, as in PyAV and in Debian."""

import json
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.certificate import new_certificate
from tests.support.foreign_client import running_client
from tests.support.system import Member, System, running_system
from tests.support.waiting import eventually
from tests.support.whip_ffmpeg import publish_command

ROLES: dict[str, list[str]] = {"passive": [], "active": ["whip_flags=dtls_active"]}
# From our answer to the keys. In the active role GnuTLS's client takes a quarter of a second by itself.
KEYS_SECONDS = {"passive": 0.3, "active": 0.6}
TO_THE_METRICS = 1.0  # from the keys to the first packet: a lost flight costs more (RFC 6347 4.2.4.1)
FLOW_SECONDS = 2.0

Command = Callable[[str, list[str]], list[str]]

pytestmark = pytest.mark.e2e


def with_openssl(url: str, options: list[str]) -> list[str]:
    return publish_command(url, [part for option in options for part in f"-{option}".split("=")])


def with_gnutls(url: str, options: list[str]) -> list[str]:
    return [sys.executable, "-m", "tests.support.pyav_publisher", url, "30", *options]


@pytest.mark.alone
@pytest.mark.parametrize("role", ["passive", "active"])
@pytest.mark.parametrize("command", [with_openssl, with_gnutls], ids=["openssl", "gnutls"])
async def test_media_comes_at_once_and_flows(
    redis_url: str, tmp_path: Path, command: Command, role: str
) -> None:
    """As a server it listens only after our first flight. DTLS after the handshake makes it stand still."""
    certificate, key = new_certificate(tmp_path)
    options = [*ROLES[role], f"cert_file={certificate}", f"key_file={key}"]
    async with running_system(redis_url) as system:
        worker = system.workers[0]
        with running_client(command(system.whip("demo"), options)):

            async def packets() -> float:
                return (await series(system, worker)).get("roomcast_ingress_packets_total", 0.0)

            await eventually("media came", packets, 10, every=0.05)
            came_at = time.time()
            opened_at, connected_at = (
                logged_at(worker, "session opened"),
                logged_at(worker, "session connected"),
            )
            print(f"keys after {connected_at - opened_at:.3f} s, media after {came_at - opened_at:.3f} s")
            assert connected_at - opened_at < KEYS_SECONDS[role]
            assert came_at - connected_at < TO_THE_METRICS

            async def flows() -> bool:
                return await packets() > 0.7 * (25 + 50) * FLOW_SECONDS

            await eventually("media flows", flows, FLOW_SECONDS)
            assert logged(worker, "session connected")["profile"] == "AES128_CM_SHA1_80"


@pytest.mark.parametrize("role", ["passive", "active"])
async def test_the_certificate_that_ffmpeg_makes_with_gnutls_is_refused_with_a_reason(
    redis_url: str, role: str
) -> None:
    async with running_system(redis_url) as system:
        worker = system.workers[0]
        with running_client(with_gnutls(system.whip("demo"), ROLES[role])):
            await eventually("the session has ended", lambda: '"session ended"' in worker.log.read_text(), 10)
        ended = logged(worker, "session ended")
        assert ended["reason"] == "DTLS handshake failed"
        assert ended["why"].startswith("OpenSSL does not take the curve of the peer's certificate: P-224")
        failed = 'roomcast_handshakes_failed_total{"reason": "unsupported_curve", "role": "publish"}'
        assert (await series(system, worker))[failed] == 1


def logged(worker: Member, event: str) -> dict[str, str]:
    """The first line of the worker's log with that event."""
    lines = (json.loads(line) for line in worker.log.read_text().splitlines())
    return next(line for line in lines if line["event"] == event)


def logged_at(worker: Member, event: str) -> float:
    return datetime.fromisoformat(logged(worker, event)["timestamp"]).timestamp()


async def series(system: System, worker: Member) -> dict[str, float]:
    """The worker's metrics, by name and labels."""
    text = (await system.http.get(f"{worker.metrics_url}/metrics")).text
    return {
        sample.name + (json.dumps(sample.labels, sort_keys=True) if sample.labels else ""): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
