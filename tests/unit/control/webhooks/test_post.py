"""One attempt to deliver, to receivers that mean no good."""

import asyncio
import contextlib
import socket
from typing import Any

import pytest

from control.webhooks import post as module
from control.webhooks.address_policy import AddressPolicy
from control.webhooks.post import Attempt, Outcome, Poster
from control.webhooks.receiver import receivers_of
from shared.http.rest_of_answer import MAX_ANSWER_BYTES
from tests.support.endpoint import Endpoint, headers_of

LOOPBACK = ["127.0.0.0/8"]


class Answering(Endpoint):
    """Answers each request with `answer`; None: never. Keeps what it was sent."""

    def __init__(self, answer: bytes | None) -> None:
        super().__init__()
        self.hangs = answer is None
        self.answer = answer or b""
        self.requests: list[bytes] = []

    async def respond(self, head: bytes, reader: asyncio.StreamReader) -> bytes:
        self.requests.append(head + await reader.readexactly(2))
        return self.answer


async def post(url: str, *, allowed: list[str] = LOOPBACK, times: int = 1) -> Attempt:
    poster = Poster(receivers_of([url])[0], AddressPolicy(allowed))
    try:
        for _ in range(times - 1):
            await poster.post(b"{}", {"webhook-id": "1"})
        return await poster.post(b"{}", {"webhook-id": "1"})
    finally:
        await poster.close()


def response(status: str, *headers: str, body: bytes = b"") -> bytes:
    head = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(head).encode() + body


async def test_what_is_sent_names_the_host_and_goes_to_the_checked_address() -> None:
    async with Answering(response("204 No Content")) as peer:
        assert await post(f"http://localhost:{peer.port}/a/b?c=d", times=2) == Attempt(Outcome.DELIVERED)
    assert peer.requests[0].startswith(b"POST /a/b?c=d HTTP/1.1\r\n")
    assert f"host: localhost:{peer.port}\r\n".encode() in peer.requests[0].lower()
    assert peer.connections == 1


async def test_a_receiver_gets_no_cookie_that_it_sets() -> None:
    async with Answering(response("204 No Content", "Set-Cookie: session=1; Path=/")) as peer:
        await post(f"http://localhost:{peer.port}/", times=2)
    assert ["cookie" in headers_of(head) for head in peer.heads] == [False, False]


async def test_without_leave_nothing_connects_to_an_internal_address() -> None:
    async with Answering(response("200 OK")) as peer:
        for host in ("localhost", "127.0.0.1", "2130706433", "0x7f.1"):
            attempt = await post(f"http://{host}:{peer.port}/", allowed=[])
            assert attempt.outcome is Outcome.FAILED
            assert "forbidden address" in attempt.why
    assert not peer.connections


async def test_a_name_that_changes_its_address_after_the_check_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DNS rebinding: the name is looked up once, and only what was checked is connected to."""
    looked_up: list[str] = []
    real = socket.getaddrinfo

    def rebinding(host: str, *how: Any, **more: Any) -> Any:
        if host == "hook.test":
            looked_up.append(host)
            host = "127.0.0.1" if len(looked_up) == 1 else "127.0.0.2"
        return real(host, *how, **more)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    async with Answering(response("200 OK")) as peer:
        attempt = await post(f"http://hook.test:{peer.port}/", allowed=["127.0.0.1/32"])
        assert attempt.outcome is Outcome.DELIVERED
        assert looked_up == ["hook.test"]


async def test_the_next_address_is_tried_where_nobody_takes_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def find(host: str, port: int, **_: Any) -> list[Any]:
        if host != "hook.test":
            raise socket.gaierror
        return [(*[None] * 4, (f"127.0.0.{last}", port)) for last in (3, 2, 1)]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", find)
    async with Answering(response("200 OK")) as peer:
        assert await post(f"http://hook.test:{peer.port}/") == Attempt(Outcome.DELIVERED)
    assert await post("http://hook2.test/") == Attempt(Outcome.FAILED, "its name does not resolve")


async def test_the_next_address_is_tried_where_packets_get_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a name has an address of IPv6 too, to which there is no way."""

    async def find(_host: str, port: int, **_: Any) -> list[Any]:
        return [(*[None] * 4, (f"127.0.0.{last}", port)) for last in (3, 1)]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", find)
    monkeypatch.setattr(module, "ATTEMPT_SECONDS", 2.0)
    with socket.socket() as full, contextlib.ExitStack() as waiting:
        async with Answering(response("200 OK")) as peer:
            full.bind(("127.0.0.3", peer.port))
            full.listen(0)  # the kernel takes one connection, and then drops what comes
            for _ in range(3):
                client = waiting.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex(("127.0.0.3", peer.port))
            assert await post(f"http://hook.test:{peer.port}/") == Attempt(Outcome.DELIVERED)


@pytest.mark.parametrize(("octets", "connections"), [(MAX_ANSWER_BYTES, 1), (MAX_ANSWER_BYTES + 1, 2)])
async def test_a_connection_is_used_again_behind_a_short_answer(octets: int, connections: int) -> None:
    async with Answering(response("200 OK", body=b"x" * octets)) as peer:
        await post(f"http://127.0.0.1:{peer.port}/", times=2)
    assert peer.connections == connections


async def test_redirects_are_not_followed() -> None:
    async with Answering(response("200 OK")) as inside:
        location = f"location: http://127.0.0.1:{inside.port}/"
        async with Answering(response("307 Temporary Redirect", location)) as peer:
            assert await post(f"http://127.0.0.1:{peer.port}/") == Attempt(Outcome.FAILED, "status 307")
        assert not inside.connections


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (response("500 Oops"), Attempt(Outcome.FAILED, "status 500")),
        (response("503 Busy", "retry-after: 7"), Attempt(Outcome.FAILED, "status 503", 7.0)),
        (response("503 Busy", "retry-after: " + "9" * 400), Attempt(Outcome.FAILED, "status 503", 3_600.0)),
        (response("503 Busy", "retry-after: Mon"), Attempt(Outcome.FAILED, "status 503")),
        (response("410 Gone"), Attempt(Outcome.GONE, "status 410")),
        (response("200 OK", body=b"x" * 5 * MAX_ANSWER_BYTES), Attempt(Outcome.DELIVERED)),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", Attempt(Outcome.DELIVERED)),  # and no more
    ],
)
async def test_answers(answer: bytes, expected: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BODY_SECONDS", 0.1)
    async with Answering(answer) as peer:
        assert await post(f"http://127.0.0.1:{peer.port}/") == expected


async def test_an_answer_that_is_no_http_is_told_in_words() -> None:
    async with Answering(b"SSH-2.0\r\n\r\n") as peer:
        attempt = await post(f"http://127.0.0.1:{peer.port}/")
        assert attempt.outcome is Outcome.FAILED
        assert attempt.why.startswith(f"127.0.0.1:{peer.port}: illegal status line")


async def test_its_end_ends_a_look_up_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asyncio.Event()

    async def never(*_: Any, **__: Any) -> Any:
        asked.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", never)
    poster = Poster(receivers_of(["https://hook.test/"])[0], AddressPolicy([]))
    posting = asyncio.create_task(poster.post(b"{}", {}))
    await asked.wait()
    posting.cancel()
    await asyncio.wait([posting])
    await poster.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_a_receiver_has_ten_seconds() -> None:
    """As docs/webhooks.md says: answer first, then work."""
    assert module.ATTEMPT_SECONDS == 10


async def test_no_answer_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ATTEMPT_SECONDS", 0.1)
    async with Answering(None) as peer:
        attempt = await post(f"http://127.0.0.1:{peer.port}/")
    assert attempt.outcome is Outcome.FAILED


async def test_a_host_that_is_not_there() -> None:
    async with Answering(b"") as peer:
        port = peer.port
    why = (await post(f"http://127.0.0.1:{port}/secret")).why
    assert why == f"127.0.0.1:{port}: All connection attempts failed"
