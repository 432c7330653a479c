"""`roomcast demo` publishes with what the settings want of a publisher."""

import signal
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import av
import jwt
import pytest
from typer.testing import CliRunner

from deploy import demo
from deploy.commands import app
from deploy.demo import AGAIN_SECONDS, PICTURE, add_video, credential, drawn
from deploy.end_signals import end_signals
from shared.names import RoomName
from shared.settings.settings import load_settings

ROOM = RoomName("demo")
SECRET = "a-secret-of-at-least-thirty-two-bytes"


@pytest.fixture(autouse=True)
def same_signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in end_signals()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def end(live: Callable[[], None]) -> None:
    """As Ctrl+C, once it is live."""
    live()
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(
    ("settings", "token"),
    [
        ({}, ""),
        ({"auth_token": "all"}, "all"),
        ({"auth_token": "all", "publish_token": "in"}, "in"),
        ({"publish_token": "in", "room_tokens": {"demo": "this", "other": "that"}}, "this"),
        ({"room_tokens": {"demo": "this"}, "room_publish_tokens": {"demo": "here"}}, "here"),
        ({"play_token": "out"}, ""),
    ],
)
def test_the_token_is_the_narrowest_that_publishes(settings: dict[str, object], token: str) -> None:
    assert credential(load_settings(**settings), ROOM, 0.0) == token


def test_where_jwts_are_taken_it_signs_one() -> None:
    token = credential(load_settings(jwt_secret=SECRET), ROOM, 1_700_000_000.0)
    claims = jwt.decode(token, SECRET, ["HS256"], options={"verify_exp": False})
    assert (claims["room"], claims["actions"]) == ("demo", ["publish"])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--to", "https://a.test/whip"], "Live. End it with Ctrl+C."),  # nobody watches at a WHIP endpoint
        ([], "Live. Watch it at http://localhost:8080/watch/demo, end it with Ctrl+C."),
    ],
)
def test_it_tells_where_to_watch_if_it_knows(
    monkeypatch: pytest.MonkeyPatch, options: list[str], told: str
) -> None:
    monkeypatch.delenv("HTTP_ADDR", raising=False)
    monkeypatch.setattr(demo, "publish", lambda _url, _token, live, _is_over: end(live))
    assert CliRunner().invoke(app, ["demo", *options]).output.strip() == told


def test_a_server_that_is_not_there_is_one_line() -> None:
    done = CliRunner().invoke(app, ["demo", "--to", "http://127.0.0.1:9/whip"])
    assert done.exit_code == 1
    assert done.output.startswith("demo: http://127.0.0.1:9/whip: ")
    assert done.output.count("\n") == 1


def test_a_session_that_was_live_begins_again_and_each_reason_is_told_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its worker was killed; then nobody answers for a moment, and then its token is taken no more."""
    goes, waited = iter([True, False, False, True, False]), list[float]()

    def publish(_url: str, _token: str, live: Callable[[], None], _is_over: Callable[[], bool]) -> None:
        if (goes_live := next(goes, None)) is None:
            end(live)
            return
        if goes_live:
            live()
        raise OSError(*(111, "Connection refused") if len(waited) < 4 else (1, "Unauthorized"))

    monkeypatch.setattr(demo, "publish", publish)
    monkeypatch.setattr(time, "sleep", waited.append)
    done = CliRunner().invoke(app, ["demo", "--to", "https://a.test/whip"])
    assert done.exit_code == 0
    assert waited == [AGAIN_SECONDS] * 5
    assert done.output.count("Live.") == 3
    assert done.output.count("the session has ended: Connection refused. It begins again.") == 2
    assert done.output.count("the session has ended: Unauthorized. It begins again.") == 1
    assert "token" not in done.output


def test_each_session_has_a_token_of_its_own_as_they_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    sent, tokens = list[str](), iter(["first", "second"])

    def publish(_url: str, token: str, live: Callable[[], None], _is_over: Callable[[], bool]) -> None:
        sent.append(token)
        if len(sent) == 2:
            end(live)
            return
        live()
        raise OSError(1, "the token has expired")

    monkeypatch.setattr(demo, "publish", publish)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    demo.run("https://a.test/whip", lambda: next(tokens))
    assert sent == ["first", "second"]


def test_one_picture_in_two_seconds_is_a_keyframe(tmp_path: Path) -> None:
    with av.open(PICTURE, format="lavfi") as source, av.open(str(tmp_path / "demo.h264"), "w") as output:
        video = add_video(output)
        packets = [packet for picture in islice(drawn(source), 90) for packet in video.encode(picture)]
    assert [number for number, packet in enumerate(packets) if packet.is_keyframe] == [0, 60]
