"""`roomcast conform` reports what it has seen of servers that answer nonsense, or not to the end."""

import functools
from collections.abc import Callable

import httpx
import pytest

from deploy.conform.run import Verdict, conform, run

WHIP, WHEP = "http://there.invalid/whip", "http://there.invalid/whep"
UNREADABLE = ("no SDP at all", "v=0\r\n", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio\r\n")

Serve = Callable[[Callable[[], httpx.Response]], list[str]]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Serve:
    """A server whose answer to a publisher's offer is given; tells the requests that it gets."""
    requests: list[str] = []

    def start(answer: Callable[[], httpx.Response]) -> list[str]:
        def handle(request: httpx.Request) -> httpx.Response:
            requests.append(f"{request.method} {request.url.path}")
            if requests[-1] == "POST /whip" and b"m=audio" in request.content:
                return answer()
            return httpx.Response({"OPTIONS": 200, "GET": 204, "DELETE": 200}.get(request.method, 409))

        transport = httpx.MockTransport(handle)
        monkeypatch.setattr(httpx, "AsyncClient", functools.partial(httpx.AsyncClient, transport=transport))
        return requests

    return start


@pytest.mark.parametrize("sdp", UNREADABLE)
async def test_an_answer_that_no_client_can_take_is_a_rule_that_does_not_hold(serve: Serve, sdp: str) -> None:
    headers = {"Content-Type": "application/sdp", "Location": "/session"}
    requests = serve(lambda: httpx.Response(201, headers=headers, text=sdp))
    held = {each.rule.id: each.verdict for each in await conform(WHIP, WHEP)}
    assert (held["whip-answer"], held["whip-get"]) == (Verdict.LACKS, Verdict.HOLDS)
    assert requests[-1] == "DELETE /session"


async def test_an_endpoint_is_not_taken_for_the_session_that_an_answer_does_not_name(serve: Serve) -> None:
    headers = {"Content-Type": "application/sdp"}
    requests = serve(lambda: httpx.Response(201, headers=headers, text="no SDP at all"))
    held = {each.rule.id: each.verdict for each in await conform(WHIP, WHEP)}
    assert (held["whip-answer"], held["whip-random"]) == (Verdict.LACKS, Verdict.UNTRIED)
    assert not [request for request in requests if request.startswith("DELETE")]


@pytest.mark.parametrize(
    ("status", "location"), [(307, "http://["), (201, "//[::1/x"), (201, "/a\x01b"), (201, "//there:port/")]
)
def test_what_was_seen_before_the_server_sent_us_to_no_url_is_told(
    serve: Serve, capsys: pytest.CaptureFixture[str], status: int, location: str
) -> None:
    headers = {"Content-Type": "application/sdp", "Location": location}
    serve(lambda: httpx.Response(status, headers=headers, text="no SDP at all"))
    with pytest.raises(SystemExit, match="after some checks: "):
        run(WHIP, WHEP, "")
    assert "holds   whip-get" in capsys.readouterr().out


def test_what_was_seen_before_the_server_went_away_is_told(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone() -> httpx.Response:
        raise httpx.RemoteProtocolError("Server disconnected")

    serve(gone)
    with pytest.raises(SystemExit, match="after some checks: Server disconnected"):
        run(WHIP, WHEP, "")
    assert "holds   whip-get" in capsys.readouterr().out
