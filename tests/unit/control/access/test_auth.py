"""Permissions: each kind of credential beside the others. test_plain_tokens.py has the plain ones alone."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jwt
import pytest

from control.access.auth import MAX_TOKEN_BYTES, Access, Authenticator, credential
from control.access.operators import Operator
from control.access.plain_tokens import token_digest
from shared.errors import ErrorCode, ServiceError
from shared.messages.rulings import TokenMark
from shared.messages.signalling import Role
from shared.names import RoomName
from shared.settings.settings import load_settings
from tests.support.sdp import error_of

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


def allowed_by(check: Callable[[], object]) -> bool:
    refusal = error_of(check)
    assert refusal in (None, ErrorCode.UNAUTHORIZED)
    return refusal is None


def access(settings: dict[str, Any], text: str) -> Access:
    return Authenticator(load_settings(**settings)).access(text.encode() or None, NOW)


def may(settings: dict[str, Any], text: str, room: RoomName = DEMO, action: Role = Role.PUBLISH) -> bool:
    return allowed_by(lambda: access(settings, text).grant(room, action))


def may_administrate(settings: dict[str, Any], text: str, room: str | None = None) -> bool:
    return allowed_by(lambda: access(settings, text).check_operator(Operator.ADMIN, room))


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
        *((JWT, token(role=no), None, False) for no in ("viewer", ["admin"], {"admin": True}, "Admin")),
        *((JWT, token(admin=wrong), None, False) for wrong in ("true", 1)),
        (JWT, token(role="admin", exp=NOW - 31), None, False),
        (JWT, token(role="admin", room="demo"), "demo", True),
        (JWT, token(role="admin", room="demo"), "other", False),
        *((JWT, OF_NO_ROOM, room, False) for room in (None, "demo")),
        *((JWT, token(role="admin", room=no), None, False) for no in ("demo", [], "", 0, False)),
        (JWT, token(role="admin", room=[]), "demo", False),
        (ADMIN | JWT, token(role="admin"), None, True),
        (ADMIN | JWT, "boss", None, True),
    ],
)
def test_who_administrates(settings: dict[str, Any], text: str, room: str | None, allowed: bool) -> None:
    assert may_administrate(settings, text, room) is allowed


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


def test_the_longest_token_is_read() -> None:
    """One of somebody's with many groups: proxies let 8 KiB through."""
    text = token(groups="x" * 6_000)
    text += "x" * (MAX_TOKEN_BYTES - len(text))  # its signature is wrong now, which is told as such
    with pytest.raises(ServiceError) as caught:
        access(JWT, text).grant(DEMO, Role.PLAY)
    assert caught.value.detail is None


@pytest.mark.parametrize(
    ("settings", "text", "actor"),
    [
        (ADMIN | JWT, "boss", "admin token"),
        (ADMIN | JWT, token(sub="ann", jti="7"), "JWT sub='ann' jti='7'"),
        (JWT, token(sub="a" * 100), f"JWT sub='{'a' * 80}'"),
        (JWT, token(), "JWT"),
        (ADMIN | JWT, "wrong", "nobody"),
        ({}, "", "nobody"),
    ],
)
def test_logs_name_who_did_it(settings: dict[str, Any], text: str, actor: str) -> None:
    assert access(settings, text).actor == actor


@pytest.mark.parametrize(
    ("settings", "has_admin"), [({}, False), (GLOBAL, False), (ADMIN, True), (JWT, True), (ADMIN | JWT, True)]
)
def test_where_somebody_can_be_admin(settings: dict[str, Any], has_admin: bool) -> None:
    assert Authenticator(load_settings(**settings)).has_admin is has_admin


@pytest.mark.parametrize(
    ("settings", "demo", "other"),
    [
        ({}, False, False),
        (ADMIN, False, False),
        (GLOBAL, True, True),
        (JWT, True, True),
        (ROOMS, True, False),
        ({"publish_token": "p"}, False, False),
    ],
)
def test_which_rooms_are_locked_for_viewers(settings: dict[str, Any], demo: bool, other: bool) -> None:
    authenticator = Authenticator(load_settings(**settings))
    assert [authenticator.locks(room) for room in ("demo", "other")] == [demo, other]


def test_a_wrong_token_sent_along_with_a_session_is_refused_and_none_is_not() -> None:
    standby = access(JWT, token(actions=["standby"]))
    for got, action, is_taken in (
        *((access(GLOBAL, text), Role.PUBLISH, text != "wrong") for text in ("", "all", "wrong")),
        *((standby, Role.PUBLISH, True), (standby, Role.PLAY, False)),
    ):
        assert allowed_by(partial(got.check_sent_along, DEMO, action)) is is_taken


@pytest.mark.parametrize(
    ("actions", "opens"),
    [(["publish"], 2), (["standby"], 1), (["standby", "publish"], 2), (["play"], 0), (None, 2)],
)
def test_who_may_publish_may_stand_by_and_who_may_stand_by_may_no_more(
    actions: list[str] | None, opens: int
) -> None:
    got = access(JWT, token(actions=actions))
    grants = [got._grant(DEMO, Role.PUBLISH, stands_by=stands_by) for stands_by in (True, False)]
    assert [grant is not None for grant in grants] == [opens > 0, opens > 1]
    assert (got._grant(DEMO, Role.PLAY) is not None) is (actions in (None, ["play"]))


def test_what_was_revoked_opens_nothing() -> None:
    authenticator = Authenticator(load_settings(**JWT), revokes=lambda mark: mark.jti == "7")
    for jti, opens in (("7", False), ("8", True)):
        got = authenticator.access(token(jti=jti, role="admin").encode(), NOW)
        assert got.opens_anything is opens
    with pytest.raises(ServiceError) as caught:
        authenticator.access(token(jti="7", role="admin").encode(), NOW).check_operator(Operator.ADMIN)
    assert caught.value.detail == "the JWT was revoked"


CALLBACK = {"auth_url": "http://127.0.0.1:1/"}


@pytest.mark.parametrize(
    ("settings", "text", "asked"),
    [
        ({}, "any", False),
        (CALLBACK, "", True),
        (CALLBACK, "any", True),
        (CALLBACK | ADMIN, "boss", False),
        (CALLBACK | JWT, token(), False),
        (CALLBACK | JWT, token(SECRET[::-1]), True),  # another issuer's may be its service's
        (CALLBACK | JWT, token(exp=NOW - 60), False),
    ],
)
def test_what_is_put_to_the_service_at_auth_url(settings: dict[str, Any], text: str, asked: bool) -> None:
    assert access(settings, text).is_for_callback(DEMO, Role.PUBLISH) is asked


@pytest.mark.parametrize(
    ("claims", "mark"),
    [
        ({}, TokenMark()),
        ({"iat": int(NOW) - 5, "jti": "7", "sub": "ann"}, TokenMark("7", "ann", NOW - 5)),
        ({"iat": NOW - 0.5}, TokenMark(issued_at=NOW - 0.5)),
        ({"iat": 2.0**36}, TokenMark()),  # beyond what a revocation can name
    ],
)
def test_by_what_a_jwt_may_be_revoked(claims: dict[str, Any], mark: TokenMark) -> None:
    assert access(JWT, token(**claims)).grant(DEMO, Role.PUBLISH).token == mark


@pytest.mark.parametrize(
    ("settings", "text", "cause"),
    [
        (GLOBAL, "", "no_credentials"),
        (GLOBAL, "al", "unauthorized"),
        (JWT, "", "no_credentials"),
        (JWT, "none", "unauthorized"),
        (JWT, "x" * (MAX_TOKEN_BYTES + 1), "jwt_claims"),
        (JWT, token(room="other"), "jwt_claims"),
        (JWT, token(exp=NOW - 600), "jwt_claims"),
    ],
)
def test_why_somebody_was_refused_is_told_in_a_word(settings: dict[str, Any], text: str, cause: str) -> None:
    with pytest.raises(ServiceError) as refused:
        access(settings, text).grant(DEMO, Role.PUBLISH)
    assert refused.value.cause == cause


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"authorization": "Bearer a", "x-auth-token": "b"}, b"a"),
        ({"authorization": "Bearer ", "x-auth-token": "b"}, b"b"),
        ({"authorization": "bearer a"}, b"a"),
        ({"authorization": "BEARER   a"}, b"a"),
        ({"authorization": "Basic a", "x-auth-token": "b"}, b"b"),
        ({"authorization": "Basic a"}, None),
        ({"authorization": "a"}, None),
        ({"authorization": "Bearer"}, None),
        ({"x-auth-token": "b"}, b"b"),
        ({"x-auth-token": ""}, None),
        ({"x-auth-token": "Bearer a"}, b"Bearer a"),
        ({"cookie": "token=a"}, None),
        ({"authorization": "Bearer schl\xc3\xbcssel"}, "schlüssel".encode()),  # as Starlette decodes headers
        (
            {"authorization": "Bearer  voil\xc3\xa0\t"},
            "voilà".encode(),
        ),  # its last byte is a blank in latin-1
        ({"authorization": "Bearer \xff\xfe"}, b"\xff\xfe"),
        ({}, None),
    ],
)
def test_where_a_credential_is_found(headers: dict[str, str], found: bytes | None) -> None:
    assert credential(headers) == found


# --- whether two are the same somebody's


def identity(settings: dict[str, Any], text: str) -> str:
    return access(settings, text).grant(DEMO, Role.PUBLISH).identity


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
    # who comes back while AUTH_TOKEN gives way to PUBLISH_TOKEN finds its viewers
    assert identity(GLOBAL | {"publish_token": "in"}, "in") == "token"
    assert "ann" not in jwt_identity
    assert jwt_identity.isascii()


def test_an_identity_outlives_the_secret_that_signed_it() -> None:
    """Else a publisher that comes back during a rotation would not find its viewers."""
    new = SECRET[::-1]
    both = {"jwt_secret": new, "jwt_more_secrets": SECRET}
    before = identity(JWT, token(sub="ann"))
    assert before == identity(both, token(sub="ann")) == identity(both, token(new, sub="ann"))
    assert before == identity({"jwt_secret": new}, token(new, sub="ann"))


class SetForRooms:
    """A room for which tokens were set by the API."""

    def __init__(self, publish: str = "", play: str = "") -> None:
        self._digests = {
            action: [token_digest(text.encode())] if text else []
            for action, text in ((Role.PUBLISH, publish), (Role.PLAY, play))
        }

    def tokens(self, room: str, action: Role) -> list[bytes]:
        return self._digests[action] if room == DEMO else []

    def know(self, digest: bytes) -> bool:
        return any(digest in digests for digests in self._digests.values())

    @property
    def any_tokens(self) -> bool:
        return any(self._digests.values())


@pytest.mark.parametrize(
    ("settings", "text", "allowed"),
    [
        (ROOMS | GLOBAL, "set", True),
        (ROOMS | GLOBAL, "one", False),
        (ROOMS | GLOBAL, "all", False),
        ({}, "", False),
        ({}, "set", True),
        (JWT, token(), True),
        (JWT, "set", True),
        ({"auth_url": "https://a.test"}, "set", True),
    ],
)
def test_what_was_set_for_a_room_comes_before_its_tokens_of_the_environment(
    settings: dict[str, Any], text: str, allowed: bool
) -> None:
    authenticator = Authenticator(load_settings(**settings), set_for_rooms=SetForRooms(publish="set"))
    given = authenticator.access(text.encode() or None, NOW)
    assert not given.is_for_callback(DEMO, Role.PUBLISH)
    assert allowed_by(lambda: given.grant(DEMO, Role.PUBLISH)) is allowed
    # for the other action the environment decides
    assert authenticator.locks("demo") == bool(settings)
    assert given.is_for_callback(DEMO, Role.PLAY) == ("auth_url" in settings)


def test_a_token_that_was_set_for_a_room_opens_something() -> None:
    authenticator = Authenticator(load_settings(), set_for_rooms=SetForRooms(play="set"))
    assert authenticator.required
    assert authenticator.access(b"set", NOW).opens_anything
    assert not authenticator.access(b"other", NOW).opens_anything
    assert authenticator.access(b"set", NOW).may_read_records(DEMO)
    assert not authenticator.access(b"set", NOW).may_read_records(OTHER)
    assert not Authenticator(load_settings(), set_for_rooms=SetForRooms()).required


@pytest.mark.parametrize(
    ("settings", "text", "tells", "records"),
    [
        ({}, "", True, False),  # an open server: who may publish may tell; recordings are its owner's
        (GLOBAL, "", False, False),
        (GLOBAL, "all", True, False),
        ({"publish_token": "in", "play_token": "out"}, "in", True, False),
        ({"publish_token": "in", "play_token": "out"}, "out", False, False),
        (GLOBAL | ADMIN, "boss", True, True),
        (JWT, token(), True, True),
        (JWT, token(actions=["play"]), False, False),
        (JWT, token(actions=["standby"]), False, False),
        (JWT, token(actions=["message"]), True, False),
        (JWT, token(actions=["record"]), False, True),
        (JWT, token(actions=["message", "record"], room="demo"), True, True),
        (JWT, token(actions=["message", "record"], room="other"), False, False),
        (JWT, token(role="moderate", actions=["play"]), True, False),
        (JWT, token(role="watch", actions=["play"]), False, False),
        (JWT, token(role="admin", actions=["play"]), True, True),
    ],
)
def test_who_tells_viewers_something_and_who_has_a_room_recorded(
    settings: dict[str, Any], text: str, tells: bool, records: bool
) -> None:
    got = access(settings, text)
    assert allowed_by(lambda: got.check_may_tell(DEMO)) is tells
    assert allowed_by(lambda: got.check_may_record(DEMO)) is records


@pytest.mark.parametrize(
    ("settings", "text", "its_own"),
    [
        ({}, "", False),
        (ROOMS, "one", True),
        (ROOMS, "three", False),
        (GLOBAL, "all", False),  # of all rooms, and so of none
        (JWT, token(), False),
        (JWT, token(room="demo"), True),
        (JWT, token(room="other"), False),
        (JWT, token(role="watch"), True),
        (ADMIN, "boss", True),
    ],
)
def test_whose_credential_names_a_room(settings: dict[str, Any], text: str, its_own: bool) -> None:
    assert access(settings, text).is_of(DEMO) is its_own
