"""Permissions: every kind of credential against every kind of configuration."""

from typing import Any

import jwt
import pytest

from control.access.auth import MAX_TOKEN_BYTES, Access, Authenticator, credential
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import Role
from shared.names import RoomName
from shared.settings.settings import load_settings

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


def access(settings: dict[str, Any], text: str) -> Access:
    return Authenticator(load_settings(**settings)).access(text.encode() or None, NOW)


def may(settings: dict[str, Any], text: str, room: RoomName = DEMO, action: Role = Role.PUBLISH) -> bool:
    try:
        access(settings, text).grant(room, action)
    except ServiceError as error:
        return _is_refusal(error)
    return True


def may_administrate(settings: dict[str, Any], text: str, room: str | None = None) -> bool:
    try:
        access(settings, text).check_admin(room)
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


def test_a_grant_ends_with_the_jwt_and_its_leeway() -> None:
    of_jwt = access(JWT | GLOBAL, token(exp=NOW + 5)).grant(DEMO, Role.PLAY)
    assert of_jwt.expires_at == NOW + 35
    assert access(JWT | GLOBAL, "all").grant(DEMO, Role.PLAY).expires_at is None


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
        (JWT, token(role=["admin"]), None, False),
        (JWT, token(role={"admin": True}), None, False),
        (JWT, token(role="Admin"), None, False),
        (JWT, token(admin="true"), None, False),
        (JWT, token(admin=1), None, False),
        (JWT, token(role="admin", exp=NOW - 31), None, False),
        (JWT, token(role="admin", room="demo"), "demo", True),
        (JWT, token(role="admin", room="demo"), "other", False),
        (JWT, token(role="admin", room="demo"), None, False),
        (JWT, OF_NO_ROOM, None, False),
        (JWT, OF_NO_ROOM, "demo", False),
        (JWT, token(role="admin", room=[]), None, False),
        (JWT, token(role="admin", room=[]), "demo", False),
        (JWT, token(role="admin", room=""), None, False),
        (JWT, token(role="admin", room=0), None, False),
        (JWT, token(role="admin", room=False), None, False),
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
    assert access(settings, text).opens_anything is known


def test_a_required_claim_is_required_of_jwts_only() -> None:
    settings = JWT | GLOBAL | ADMIN | {"jwt_required_claims": "room"}
    assert may(settings, "all")
    assert may_administrate(settings, "boss")
    assert not may_administrate(settings, token(role="admin"))


def test_a_token_is_decoded_once_for_a_whole_request(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded, decode = [], jwt.decode
    monkeypatch.setattr(jwt, "decode", lambda *args, **named: decoded.append(1) or decode(*args, **named))
    got = access(JWT | ADMIN, token(room="demo"))
    for n in range(1000):
        assert got.may_read_records(RoomName(f"room{n}")) is False
    assert got.may_read_records(DEMO)
    assert got.opens_anything
    assert len(decoded) == 1


def test_a_token_beyond_the_limit_is_not_even_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwt, "decode", None)
    for settings in (JWT, GLOBAL, ROOMS):
        with pytest.raises(ServiceError, match="unauthorized") as caught:
            access(settings, "x" * (MAX_TOKEN_BYTES + 1)).grant(DEMO, Role.PLAY)
        assert caught.value.detail == "the token is longer than 8192 bytes"


def test_where_a_credential_is_found() -> None:
    assert credential({"authorization": "Bearer a", "x-auth-token": "b"}) == b"a"
    assert credential({"authorization": "Bearer ", "x-auth-token": "b"}) == b"b"
    assert credential({"authorization": "Basic a"}) is None
    assert credential({"x-auth-token": ""}) is None


# --- whether two are the same somebody's


def identity(settings: dict[str, Any], text: str, room: RoomName = DEMO) -> str:
    return access(settings, text).grant(room, Role.PUBLISH).identity


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
        ({"sub": "ann", "iss": "one"}, {"sub": "ann", "iss": "two"}, False),
        ({"sub": "ann", "room": "demo", "iss": "one"}, {"sub": "ann", "room": "demo"}, False),
        ({}, {}, True),  # the same token
        ({}, {"iat": NOW}, False),
        ({"jti": "a"}, {"jti": "b"}, False),
    ],
)
def test_a_renewed_jwt_is_the_same_bearers(one: dict[str, Any], other: dict[str, Any], same: bool) -> None:
    assert (identity(JWT, token(**one)) == identity(JWT, token(**other))) is same


def test_an_identity_says_how_a_room_was_opened_and_nothing_of_the_secret() -> None:
    jwt_identity = identity(JWT | GLOBAL, token(sub="ann"))
    assert identity({}, "") == identity({}, "anything") == "open"
    assert identity(GLOBAL, "all") == identity(ROOMS, "one") == "token"
    assert "ann" not in jwt_identity
    assert jwt_identity.isascii()


def test_an_identity_outlives_the_secret_that_signed_it() -> None:
    """Else a publisher that comes back during a rotation would not find its viewers."""
    new = SECRET[::-1]
    both = {"jwt_secret": new, "jwt_more_secrets": SECRET}
    before = identity(JWT, token(sub="ann"))
    assert before == identity(both, token(sub="ann")) == identity(both, token(new, sub="ann"))
    assert before == identity({"jwt_secret": new}, token(new, sub="ann"))
