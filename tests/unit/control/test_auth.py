"""Permissions: every kind of credential against every kind of configuration."""

import base64
import json
from typing import Any

import jwt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from control.auth import Authenticator, credential
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import Role
from shared.names import RoomName
from shared.settings import load_settings

NOW = 1_700_000_000.0
SECRET = "a-secret-that-is-long-enough-for-the-longest-hash-of-them-all---"
DEMO = RoomName("demo")
OTHER = RoomName("other")

GLOBAL = {"auth_token": "all"}
ROOMS = {"room_tokens": "demo:one;third:three"}
JWT = {"jwt_secret": SECRET}
ADMIN = {"admin_token": "boss"}


def token(secret: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    claims = {"exp": NOW + 600} | claims
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, secret, algorithm)


OF_NO_ROOM = jwt.encode({"exp": NOW + 600, "role": "admin", "room": None}, SECRET, "HS256")


def _is_refusal(error: ServiceError) -> bool:
    assert error.code is ErrorCode.UNAUTHORIZED
    return False


def may(settings: dict[str, Any], text: str, room: RoomName = DEMO, action: Role = Role.PUBLISH) -> bool:
    try:
        Authenticator(load_settings(**settings)).authorise(room, action, text.encode() or None, NOW)
    except ServiceError as error:
        return _is_refusal(error)
    return True


def may_administrate(settings: dict[str, Any], text: str, room: str | None = None) -> bool:
    try:
        Authenticator(load_settings(**settings)).authorise_admin(text.encode() or None, NOW, room)
    except ServiceError as error:
        return _is_refusal(error)
    return True


@pytest.mark.parametrize(
    ("settings", "text", "room", "allowed"),
    [
        # nothing configured: open
        ({}, "", DEMO, True),
        ({}, "anything", DEMO, True),
        (ADMIN, "", DEMO, True),
        # global token
        (GLOBAL, "all", DEMO, True),
        (GLOBAL, "", DEMO, False),
        (GLOBAL, "al", DEMO, False),
        (GLOBAL, "ALL", DEMO, False),
        (GLOBAL | ADMIN, "boss", DEMO, False),
        # room tokens
        (ROOMS, "one", DEMO, True),
        (ROOMS, "three", DEMO, False),
        (ROOMS, "", DEMO, False),
        (ROOMS, "", OTHER, True),
        (ROOMS, "anything", OTHER, True),
        (ROOMS | GLOBAL, "one", DEMO, True),
        (ROOMS | GLOBAL, "all", DEMO, False),
        (ROOMS | GLOBAL, "all", OTHER, True),
        (ROOMS | GLOBAL, "one", OTHER, False),
        (ROOMS | GLOBAL, "", OTHER, False),
        # JWT
        (JWT, token(), DEMO, True),
        (JWT, "", DEMO, False),
        (JWT, token(room="demo"), DEMO, True),
        (JWT, token(room="demo"), OTHER, False),
        (ROOMS | JWT, token(), DEMO, True),
        (ROOMS | JWT, "one", DEMO, True),
        (ROOMS | JWT, "", OTHER, False),
        (GLOBAL | JWT, token(), DEMO, True),
        (GLOBAL | JWT, "all", DEMO, True),
        (ROOMS | GLOBAL | JWT, "all", DEMO, False),
    ],
)
def test_who_opens_a_room(settings: dict[str, Any], text: str, room: RoomName, allowed: bool) -> None:
    assert may(settings, text, room) is allowed


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        (token(algorithm="HS384"), True),
        (token(algorithm="HS512"), True),
        (token(secret=SECRET[::-1]), False),
        (jwt.encode({"exp": NOW + 600}, None, "none"), False),
        (token(exp=None), False),
        (token(exp=NOW - 29), True),  # leeway: 30 s
        (token(exp=NOW - 30), False),
        (token(exp=str(int(NOW + 600))), False),
        (token(exp=True), False),
        (token(exp=float("inf")), False),
        (token(exp=float("nan")), False),
        (token(exp=10**400), False),
        (token(exp=[]), False),
        (token(nbf=NOW + 29), True),
        (token(nbf=NOW + 31), False),
        (token(nbf="soon"), False),
        (token(iat=NOW + 3600), True),
        (token(aud="somebody"), True),  # no JWT_AUDIENCE: any
        (token(room="other"), False),
        (token(room=["demo"]), False),
        (token(room=""), False),
        (token(actions=["publish"]), True),
        (token(actions=["publish", "play"]), True),
        (token(actions=["play"]), False),
        (token(actions=[]), False),
        (token(actions="publish"), False),
        (token(actions={"publish": True}), False),
        (token(actions=[["publish"], None, "publish"]), True),
        (token()[:-2], False),
        (token() + "x" * 8192, False),
    ],
)
def test_which_jwt_publishes(text: str, allowed: bool) -> None:
    assert may(JWT, text) is allowed


@pytest.mark.parametrize(("action", "allowed"), [(Role.PLAY, True), (Role.PUBLISH, False)])
def test_actions_name_what_a_jwt_may_do(action: Role, allowed: bool) -> None:
    assert may(JWT, token(actions=["play"]), action=action) is allowed


@pytest.mark.parametrize(
    ("audience", "allowed"),
    [("live", True), (["live", "x"], True), ("other", False), (None, False), (7, False)],
)
def test_a_configured_audience_must_be_named(audience: Any, allowed: bool) -> None:
    assert may(JWT | {"jwt_audience": "live"}, token(aud=audience)) is allowed


def test_a_short_jwt_secret_is_the_operators_choice() -> None:
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        text = token(secret="short")
    assert may({"jwt_secret": "short"}, text)


def test_a_grant_ends_with_the_jwt_and_its_leeway() -> None:
    authenticator = Authenticator(load_settings(**JWT, **GLOBAL))
    assert authenticator.authorise(DEMO, Role.PLAY, token(exp=NOW + 5).encode(), NOW).expires_at == NOW + 35
    assert authenticator.authorise(DEMO, Role.PLAY, b"all", NOW).expires_at is None


@pytest.mark.parametrize(
    ("settings", "text", "room", "allowed"),
    [
        ({}, "", None, False),
        ({}, "boss", None, False),
        (GLOBAL, "all", None, False),
        (ADMIN, "boss", None, True),
        (ADMIN, "", None, False),
        (ADMIN, "bos", None, False),
        (JWT, token(role="admin"), None, True),
        (JWT, token(admin=True), "demo", True),
        (JWT, token(), None, False),
        (JWT, token(role="viewer"), None, False),
        (JWT, token(admin="true"), None, False),
        (JWT, token(admin=1), None, False),
        (JWT, token(role="admin", exp=NOW - 31), None, False),
        (JWT, token(role="admin", room="demo"), "demo", True),
        (JWT, token(role="admin", room="demo"), "other", False),
        (JWT, token(role="admin", room="demo"), None, False),
        (JWT, OF_NO_ROOM, None, False),
        (JWT, OF_NO_ROOM, "demo", False),
        (JWT, token(role="admin", room=[]), None, False),
        (ADMIN | JWT, token(role="admin"), None, True),
        (ADMIN | JWT, "boss", None, True),
    ],
)
def test_who_administrates(settings: dict[str, Any], text: str, room: str | None, allowed: bool) -> None:
    assert may_administrate(settings, text, room) is allowed


@pytest.mark.parametrize(
    ("settings", "text", "known"),
    [
        ({}, "", True),
        (ADMIN, "", True),
        (ROOMS, "", False),
        (ROOMS, "three", True),
        (GLOBAL, "all", True),
        (GLOBAL, "wrong", False),
        (GLOBAL | ADMIN, "boss", True),
        (JWT, token(room="demo"), True),
        (JWT, token(exp=NOW - 60), False),
    ],
)
def test_whose_credentials_are_good_for_anything(settings: dict[str, Any], text: str, known: bool) -> None:
    assert Authenticator(load_settings(**settings)).knows(text.encode() or None, NOW) is known


def _unsigned(header: object) -> bytes:
    encoded = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=")
    return encoded + b".e30.AAAA"


@given(st.binary(max_size=200) | st.from_regex(rb"[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*"))
@example(base64.urlsafe_b64encode(b"[" * 5000).rstrip(b"=") + b".e30.AAAA")
@example(_unsigned({"alg": ["HS256"]}))
@example(_unsigned({"alg": "HS256", "crit": ["exp"], "kid": 7}))
@example(_unsigned({"alg": "HS256", "b64": False}))
@example(_unsigned([]))
def test_a_hostile_token_is_refused_and_nothing_else(text: bytes) -> None:
    with pytest.raises(ServiceError) as caught:
        Authenticator(load_settings(**JWT)).authorise(DEMO, Role.PUBLISH, text, NOW)
    assert caught.value.code is ErrorCode.UNAUTHORIZED


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists), st.text())
def test_odd_claims_are_refused_or_taken_but_never_a_bug(value: Any, name: str) -> None:
    for claim in ("exp", "nbf", "room", "actions", "role", "admin", "aud", name):
        may(JWT | {"jwt_audience": "live"}, token(**{claim: value}))


def test_where_a_credential_is_found() -> None:
    assert credential({"authorization": "Bearer a", "x-auth-token": "b"}) == b"a"
    assert credential({"authorization": "Bearer ", "x-auth-token": "b"}) == b"b"
    assert credential({"authorization": "Basic a"}) is None
    assert credential({"x-auth-token": ""}) is None


# --- whether two are the same somebody's


def identity(settings: dict[str, Any], text: str, room: RoomName = DEMO) -> str:
    authenticator = Authenticator(load_settings(**settings))
    return authenticator.authorise(room, Role.PUBLISH, text.encode() or None, NOW).identity


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"sub": "ann"}, {"sub": "ann", "exp": NOW + 900, "iat": NOW, "jti": "x"}, True),
        ({"sub": "ann"}, {"sub": "ann", "actions": ["publish"]}, True),
        ({"sub": "ann"}, {"sub": "bob"}, False),
        ({"sub": "ann"}, {}, False),
        ({"sub": "ann"}, {"sub": "ann", "room": "demo"}, False),
        ({"room": "demo"}, {"room": "demo"}, True),
        ({"room": "demo"}, {}, False),
        ({"sub": "null"}, {}, False),
    ],
)
def test_a_renewed_jwt_is_the_same_bearers(one: dict[str, Any], other: dict[str, Any], same: bool) -> None:
    assert (identity(JWT, token(**one)) == identity(JWT, token(**other))) is same


def test_an_identity_says_how_a_room_was_opened_and_nothing_of_the_secret() -> None:
    jwt_identity = identity(JWT | GLOBAL, token(sub="ann"))
    assert identity({}, "") == identity({}, "anything") == "open"
    assert identity(GLOBAL, "all") == identity(ROOMS, "one") == "token"
    assert "ann" not in jwt_identity
    assert jwt_identity != identity({"jwt_secret": SECRET[::-1]}, token(SECRET[::-1], sub="ann"))
    assert jwt_identity.isascii()
