"""`roomcast room` asks the API, and says in one line what is wrong."""

import json
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from deploy.rooms import app, field

SERVER = ["--to", "https://a.test", "--token", "chief"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("seats=100", 100),
        ("listed=false", False),
        ("seats=null", None),
        ("title=7 o'clock", "7 o'clock"),
        ("title=7", "7"),
        ("title=null", None),
        ("publishTokens=0123456789abcdef", ["0123456789abcdef"]),
        ("playTokens=1234567890123456", ["1234567890123456"]),
        ('playTokens=["a", "b"]', ["a", "b"]),
        ("formats=mux", ["mux"]),
        ('labels={"a": "b=c"}', {"a": "b=c"}),
    ],
)
def test_a_value_is_json_or_a_text(text: str, value: object) -> None:
    assert field(text) == (text.partition("=")[0], value)


@pytest.mark.parametrize(
    ("command", "asked"),
    [
        ("list", ("GET", "", None)),
        ("show demo", ("GET", "/demo", None)),
        ("set demo seats=5 listed=false", ("PATCH", "/demo", {"seats": 5, "listed": False})),
        ("remove demo", ("DELETE", "/demo", None)),
        (
            "record demo --name take --label a=b",
            ("POST", "/demo/recording", {"name": "take", "labels": {"a": "b"}}),
        ),
        ("record demo --stop", ("DELETE", "/demo/recording", None)),
        ("record demo --show", ("GET", "/demo/recording", None)),
        ("record demo --pause", ("PATCH", "/demo/recording", {"paused": True})),
        (
            "record demo --resume --begin-clip b --end-clip a",
            ("PATCH", "/demo/recording", {"paused": False, "beginClip": "b", "endClip": "a"}),
        ),
    ],
)
def test_what_is_asked(command: str, asked: tuple[str, str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    def request(method: str, url: str, *, json: object, headers: dict[str, str], timeout: float) -> Any:
        assert headers == {"Authorization": "Bearer chief"}
        assert (method, url, json) == (asked[0], f"https://a.test/api/admin/rooms{asked[1]}", asked[2])
        return httpx.Response(200, json={"room": "démo"})

    monkeypatch.setattr(httpx, "request", request)
    done = CliRunner().invoke(app, [*command.split(), *SERVER])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output) == {"room": "démo"}


def test_a_refusal_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = httpx.Response(400, json={"error": "invalid settings of a room", "detail": "seats is a number"})
    monkeypatch.setattr(httpx, "request", lambda *_, **__: answer)
    done = CliRunner().invoke(app, ["set", "demo", "seats=x", *SERVER])
    assert (done.exit_code, done.output) == (
        1,
        "roomcast room: invalid settings of a room: seats is a number\n",
    )


@pytest.mark.parametrize("command", [["show", "a.b"], ["set", "demo", "seats"]])
def test_what_cannot_be_meant_is_not_asked(command: list[str]) -> None:
    assert CliRunner().invoke(app, [*command, *SERVER]).exit_code == 2


def test_a_server_that_is_not_there_is_one_line() -> None:
    done = CliRunner().invoke(app, ["list", "--to", "http://127.0.0.1:9", "--token", "t"])
    assert done.exit_code == 1
    assert done.output.startswith("roomcast room: http://127.0.0.1:9/api/admin/rooms: ")
