"""JWTs of every shape: which are taken, what they open, and what is said about those that are not."""

import json
import warnings
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.access.auth import MAX_TOKEN_BYTES
from control.access.operators import Operator
from shared.errors import ServiceError
from shared.messages.signalling import Role
from shared.names import A_CLAIM
from tests.unit.control.access.test_auth import DEMO, JWT, NOW, SECRET, access, may, token

NO_NAMES = (7, 7.5, True, [], ["eve"], {"a": 1}, "", "eve\n", "Zoe\u0308", "\ud800", "x" * 1025)


def _unchecked(**claims: Any) -> str:
    """A token by hand: PyJWT makes no wrong ones."""
    return jwt.PyJWS().encode(json.dumps({"exp": NOW + 600} | claims).encode(), SECRET, "HS256")


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        (token(algorithm="HS384"), True),
        (token(algorithm="HS512"), True),
        (token(secret=SECRET[::-1]), False),
        (jwt.encode({"exp": NOW + 600}, None, "none"), False),
        *((token(exp=wrong), False) for wrong in (None, str(int(NOW + 600)), True, [], 10**400)),
        *((token(exp=float(wrong)), False) for wrong in ("inf", "nan")),
        (token(exp=NOW - 29), True),  # leeway: 30 s
        (token(exp=NOW - 30), False),
        (token(nbf=NOW + 29), True),
        *((token(nbf=wrong), False) for wrong in (NOW + 31, "soon", [NOW])),
        (token(iat=NOW + 3600), True),  # says nothing about when it is valid: that is nbf (RFC 7519 4.1.6)
        (token(iat="soon", jti=None, sub=None), True),
        *((_unchecked(**{name: wrong}), False) for name in ("sub", "jti") for wrong in NO_NAMES),
        (token(sub="Zo\u00eb", jti="x" * 1024), True),
        (token(role=["admin"]), True),  # only the role admin means something
        (token(role="x", admin=None), True),
        (token(aud="somebody"), True),  # no JWT_AUDIENCE: any
        *((token(room=no), False) for no in ("other", ["demo"], "", 7, True, {"demo": True}, "demo\n")),
        *((token(actions=[*more, "publish"]), True) for more in ([], ["play"], [["publish"], None])),
        *((token(actions=wrong), False) for wrong in (["play"], [], "publish", {"publish": True})),
        (token()[:-2], False),
        (jwt.encode({"exp": NOW + 600}, SECRET, "HS256", {"kid": "../../key"}), True),  # no key is looked up
    ],
)
def test_which_jwt_publishes(text: str, allowed: bool) -> None:
    assert may(JWT, text) is allowed


@pytest.mark.parametrize(
    ("audience", "allowed"),
    [("live", True), (["live", "x"], True), ("other", False), (None, False), (7, False)],
)
def test_a_configured_audience_must_be_named(audience: Any, allowed: bool) -> None:
    assert may(JWT | {"jwt_audience": "live"}, token(aud=audience)) is allowed


@pytest.mark.parametrize(
    ("issuer", "allowed"), [("us", True), ("them", False), (None, False), (["us"], False), (7, False)]
)
def test_a_configured_issuer_must_be_named(issuer: Any, allowed: bool) -> None:
    assert may(JWT | {"jwt_issuer": "us"}, _unchecked(iss=issuer)) is allowed


@pytest.mark.parametrize("algorithm", ["HS256", "HS512"])
def test_every_secret_opens_until_it_is_gone(algorithm: str) -> None:
    new, old, older = SECRET[::-1], SECRET, SECRET * 2
    for settings, taken in (
        ({"jwt_secret": old}, (old,)),
        ({"jwt_secret": old, "jwt_more_secrets": new}, (old, new)),
        ({"jwt_secret": new, "jwt_more_secrets": f"{old}, {older}"}, (new, old, older)),
        ({"jwt_secret": new}, (new,)),
    ):
        for secret in (new, old, older, "," + old):
            with warnings.catch_warnings(action="ignore", category=jwt.InsecureKeyLengthWarning):
                assert may(settings, token(secret, algorithm)) is (secret in taken)


def test_what_is_wrong_with_a_jwt_of_ours_is_told_whichever_secret_signed_it() -> None:
    settings = {
        "jwt_secret": SECRET[::-1],
        "jwt_more_secrets": SECRET,
        "jwt_audience": "a",
        "jwt_issuer": "i",
    }
    for claims, reason in (
        ({"aud": "a", "iss": "i", "exp": NOW - 60}, "the JWT has expired"),
        ({"aud": "b", "iss": "i"}, "the JWT is for another audience"),
        ({"aud": "a", "iss": "j"}, "the JWT is of another issuer"),
        ({"aud": "a"}, "the JWT lacks the claim iss"),
    ):
        for secret in (SECRET, SECRET[::-1]):
            with pytest.raises(ServiceError) as caught:
                access(settings, token(secret, **claims)).grant(DEMO, Role.PLAY)
            assert caught.value.detail == reason


def test_a_short_jwt_secret_is_the_operators_choice() -> None:
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        text = token(secret="short")
    assert may({"jwt_secret": "short"}, text)


@pytest.mark.parametrize(
    ("required", "claims", "reason"),
    [
        ("room", {}, "the JWT lacks the claim room"),
        ("room", {"room": "demo"}, None),
        ("room,role", {"room": "demo"}, "the JWT lacks the claim role"),
        ("room, role", {"room": "demo", "role": "guest"}, None),
        ("sub", {"sub": None}, "the JWT lacks the claim sub"),
        ("", {}, None),
        ("", {"exp": None}, "the JWT lacks the claim exp"),
        ("", {"exp": NOW - 31}, "the JWT has expired"),
        ("", {"exp": "soon"}, "exp and nbf of the JWT must be numbers"),
        ("", {"nbf": NOW + 31}, "the JWT is not valid yet"),
        ("", {"room": 7}, "room of the JWT must be the name of a room"),
        ("", {"actions": "play"}, "actions of the JWT must be a list"),
        *(("", {name: 7}, f"{name} of the JWT must be {A_CLAIM}") for name in ("sub", "jti")),
    ],
)
def test_a_jwt_that_lacks_something_is_told_what(
    required: str, claims: dict[str, Any], reason: str | None
) -> None:
    text = jwt.encode(
        {k: v for k, v in ({"exp": NOW + 600} | claims).items() if (k, v) != ("exp", None)}, SECRET, "HS256"
    )
    settings = JWT | {"jwt_required_claims": required}
    got = access(settings, text)
    assert got.opens_anything is got.may_read_records(DEMO) is (reason is None)
    if reason is None:
        got.grant(DEMO, Role.PUBLISH)
    else:
        with pytest.raises(ServiceError) as caught:
            got.grant(DEMO, Role.PUBLISH)
        assert caught.value.detail == reason
    with pytest.raises(ServiceError) as caught:
        got.check_operator(Operator.ADMIN)
    assert caught.value.detail == reason


def test_what_somebody_else_signed_is_told_nothing() -> None:
    for text in (token(SECRET[::-1], exp=NOW - 99), "x.y.z", "wrong", ""):
        with pytest.raises(ServiceError) as caught:
            access(JWT | {"jwt_required_claims": "room"}, text).grant(DEMO, Role.PLAY)
        assert caught.value.detail is None


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists), st.text())
def test_odd_claims_are_refused_or_taken_but_never_a_bug(value: Any, name: str) -> None:
    for claim in ("exp", "nbf", "room", "actions", "role", "admin", "aud", name):
        may(JWT | {"jwt_audience": "live"}, token(**{claim: value}))


@pytest.mark.parametrize("depth", [100, 2900])
def test_a_deep_jwt_is_refused_or_taken_but_never_a_bug(depth: int) -> None:
    payload = f'{{"exp": {NOW + 600}, "room": "other", "x": {"[" * depth}{"]" * depth}}}'
    text = jwt.PyJWS().encode(payload.encode(), SECRET, "HS256")
    assert len(text) <= MAX_TOKEN_BYTES
    assert not may(JWT, text)
