"""The services that control relies on: there, or not."""

import socket
from collections.abc import AsyncIterator

import pytest

from deploy.doctor import services
from deploy.doctor.finding import Finding, Verdict
from deploy.doctor.part import Part
from shared.settings.settings import load_settings
from tests.support.free_ports import free_port
from tests.support.jwks_server import JwksServer
from tests.support.signing_keys import key_set, signing_key
from tests.support.stun_server import StunServer, stun_server

OK, WARN, FAIL = Verdict.OK, Verdict.WARN, Verdict.FAIL


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "SECONDS", 0.5)


@pytest.fixture
async def stun() -> AsyncIterator[StunServer]:
    async with stun_server() as server:
        yield server


async def look(**settings: str) -> list[Finding]:
    return await services.look(load_settings(**settings), Part.CONTROL)


async def test_a_key_set_is_fetched() -> None:
    async with JwksServer(key_set(signing_key("EdDSA", kid="one"))) as server:
        [finding] = await look(jwt_jwks_url=server.url)
        assert (finding.verdict, finding.about) == (OK, "JWT_JWKS_URL")
        server.head = "HTTP/1.1 404 Not Found"
        [finding] = await look(jwt_jwks_url=server.url)
        assert finding.verdict is FAIL
        assert "status 404" in finding.found
    [finding] = await look(jwt_jwks_url=f"http://127.0.0.1:{free_port()}/keys")
    assert finding.verdict is FAIL


async def test_a_service_that_decides_is_there_or_not_and_is_asked_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        [finding] = await look(auth_url=f"http://127.0.0.1:{port}/may?key=hush")
        assert finding.verdict is OK
        connection, _ = server.accept()
        with connection:
            assert connection.recv(1) == b""
    [finding] = await look(auth_url=f"http://127.0.0.1:{free_port()}/may?key=hush")
    assert finding.verdict is FAIL
    assert "hush" not in str(finding)


async def test_a_turn_server_answers_over_what_its_url_says(stun: StunServer) -> None:
    at, silent = stun.at, free_port()
    urls = f"turn:{at},turn:{at}?transport=tcp,turns:127.0.0.1:{silent}?transport=tcp,turn:127.0.0.1:{silent}"
    findings = await look(turn_urls=urls, turn_secret="s" * 32)
    assert [finding.verdict for finding in findings] == [OK, WARN, WARN, WARN]


async def test_a_worker_asks_nobody() -> None:
    assert await services.look(load_settings(turn_urls="turn:127.0.0.1:1"), Part.WORKER) == []
