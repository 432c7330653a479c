"""Tokens to publish and to play: which opens what, beside each other and beside JWTs."""

from typing import Any

import pytest

from shared.messages.signalling import Role
from tests.unit.control.access.test_auth import ADMIN, DEMO, JWT, NOW, OTHER, access, may, token

BOTH = {"publish_token": "in", "play_token": "out"}
IN = {"publish_token": "in"}
OUT = {"play_token": "out"}
ALL = {"auth_token": "all"}
ROOM_IN = {"room_publish_tokens": "demo:in-demo"}
ROOM_OUT = {"room_play_tokens": "demo:out-demo"}
ROOM = {"room_tokens": "demo:demo"}


@pytest.mark.parametrize(
    ("settings", "text", "publishes", "plays"),
    [
        # (in demo, in other)
        ({}, "", (True, True), (True, True)),
        ({}, "anything", (True, True), (True, True)),
        (ADMIN, "", (True, True), (True, True)),
        (ALL, "all", (True, True), (True, True)),
        (ALL, "", (False, False), (False, False)),
        (ALL, "al", (False, False), (False, False)),
        (ALL, "ALL", (False, False), (False, False)),
        ({"auth_token": "schlüssel"}, "schlüssel", (True, True), (True, True)),
        (ALL | ADMIN, "boss", (False, False), (False, False)),
        (ROOM, "demo", (True, True), (True, True)),
        (ROOM | {"room_tokens": "demo:demo;third:3"}, "3", (False, True), (False, True)),
        (ROOM, "", (False, True), (False, True)),
        (ROOM | ALL, "demo", (True, False), (True, False)),
        (ROOM | ALL, "all", (False, True), (False, True)),
        (BOTH, "in", (True, True), (False, False)),
        (BOTH, "out", (False, False), (True, True)),
        (BOTH, "", (False, False), (False, False)),
        (BOTH, "inout", (False, False), (False, False)),
        (IN, "", (False, False), (True, True)),
        (IN, "in", (True, True), (True, True)),
        (OUT, "", (True, True), (False, False)),
        (BOTH | ALL, "all", (True, True), (True, True)),
        (BOTH | ALL, "in", (True, True), (False, False)),
        (ROOM_IN, "", (False, True), (True, True)),
        (ROOM_IN, "in-demo", (True, True), (True, True)),
        (ROOM_IN | ALL, "all", (False, True), (True, True)),
        (ROOM_IN | ALL, "in-demo", (True, False), (False, False)),
        (ROOM_IN | BOTH, "in", (False, True), (False, False)),
        (ROOM_IN | BOTH, "out", (False, False), (True, True)),
        (ROOM_OUT | BOTH, "out", (False, False), (False, True)),
        (ROOM_OUT | BOTH, "out-demo", (False, False), (True, False)),
        (ROOM | ROOM_IN | ROOM_OUT, "demo", (True, True), (True, True)),
        (ROOM | ROOM_IN | ROOM_OUT | ALL, "demo", (True, False), (True, False)),
        (ROOM | ROOM_IN | ROOM_OUT | ALL, "out-demo", (False, False), (True, False)),
        (ROOM | ROOM_IN | BOTH, "out", (False, False), (False, True)),
        # JWTs protect everything
        (IN | JWT, "", (False, False), (False, False)),
        (IN | JWT, "in", (True, True), (False, False)),
        (ROOM_IN | JWT, token(actions=["publish"]), (True, True), (False, False)),
        (ALL | JWT, "all", (True, True), (True, True)),
        (ALL | JWT, token(), (True, True), (True, True)),
        (ROOM | JWT, "", (False, False), (False, False)),
        (ROOM | JWT, "demo", (True, False), (True, False)),
        (ROOM | JWT, token(room="demo"), (True, False), (True, False)),
        (ROOM | ALL | JWT, "all", (False, True), (False, True)),
    ],
)
def test_which_token_opens_what(
    settings: dict[str, Any], text: str, publishes: tuple[bool, bool], plays: tuple[bool, bool]
) -> None:
    for action, opened in ((Role.PUBLISH, publishes), (Role.PLAY, plays)):
        assert tuple(may(settings, text, room, action) for room in (DEMO, OTHER)) == opened, action


@pytest.mark.parametrize(
    ("settings", "text", "reads", "known"),
    [
        ({}, "", True, True),
        (ADMIN, "", True, True),
        (ALL, "all", True, True),
        (ALL, "wrong", False, False),
        (ALL | ADMIN, "boss", True, True),
        (ROOM, "", False, False),
        ({"room_tokens": "demo:demo;third:3"}, "3", False, True),
        (JWT, token(room="demo"), True, True),
        (JWT, token(exp=NOW - 60), False, False),
        (IN, "", False, False),  # everybody plays, and recordings are for admins
        (IN, "in", False, True),
        (OUT, "out", True, True),
        (BOTH, "in", False, True),
        (BOTH, "out", True, True),
        (ROOM_OUT, "out-demo", True, True),
        (ROOM_OUT, "", False, False),
        (ROOM_OUT | OUT, "out", False, True),
        (IN | ADMIN, "boss", True, True),
    ],
)
def test_recordings_are_opened_by_what_plays(
    settings: dict[str, Any], text: str, reads: bool, known: bool
) -> None:
    got = access(settings, text)
    assert (got.may_read_records(DEMO), got.opens_anything) == (reads, known)
