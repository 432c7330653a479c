"""Tokens for clients: their claims, and what is refused."""

import jwt
import pytest

from control.access.operators import Operator
from deploy.minting import mint, seconds_of
from shared.messages.signalling import Role
from shared.names import RoomName
from shared.settings.settings import SettingsError, load_settings

NOW = 1_700_000_000.5
SECRET = "a-secret-of-at-least-thirty-two-bytes"


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("30m", 1800), ("12h", 43_200), ("7d", 604_800)]
)
def test_a_lifetime_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "-1h", "1.5h", "1 h", "1w", "0", "0d", "9999d", "1h\n", "١h"])
def test_anything_else_is_no_lifetime(text: str) -> None:
    with pytest.raises(ValueError, match="such as 90s"):
        seconds_of(text)


def test_a_token_has_the_claims_that_were_asked_for_and_no_others() -> None:
    settings = load_settings(jwt_secret=SECRET, jwt_more_secrets=SECRET[::-1])
    plain = mint(settings, NOW, room=None, actions=(), seconds=60)
    full = mint(
        load_settings(jwt_secret=SECRET, jwt_audience="live", jwt_issuer="us"),
        NOW,
        room=RoomName("demo"),
        actions=[Role.PLAY, Role.PUBLISH],
        seconds=60,
        subject="ann",
        operator=Operator.ADMIN,
    )
    claims, rich = (
        jwt.decode(text, SECRET, ["HS256"], options={"verify_exp": False, "verify_aud": False})
        for text in (plain, full)
    )
    assert claims.pop("jti") != rich.pop("jti")
    assert claims == {"exp": 1_700_000_060, "iat": 1_700_000_000}
    assert rich == claims | {
        "room": "demo",
        "actions": ["play", "publish"],
        "sub": "ann",
        "role": "admin",
        "aud": "live",
        "iss": "us",
    }


@pytest.mark.parametrize("operator", [Operator.WATCH, Operator.MODERATE])
def test_an_operator_who_is_no_admin_publishes_and_plays_nothing_unasked(
    operator: Operator,
) -> None:
    settings = load_settings(jwt_secret=SECRET)
    for actions in ([], [Role.PLAY]):
        text = mint(settings, NOW, room=None, actions=actions, seconds=60, operator=operator)
        claims = jwt.decode(text, SECRET, ["HS256"], options={"verify_exp": False})
        assert (claims["role"], claims["actions"]) == (operator.name.lower(), actions)


def test_a_token_that_control_would_refuse_is_not_minted() -> None:
    settings = load_settings(jwt_secret=SECRET, jwt_required_claims="room,actions,tenant")
    with pytest.raises(SettingsError, match=r"^JWT_REQUIRED_CLAIMS: the token would lack actions, tenant$"):
        mint(settings, NOW, room=RoomName("demo"), actions=(), seconds=60)
    with pytest.raises(SettingsError, match="subject must be a text"):
        mint(settings, NOW, room=None, actions=(), seconds=60, subject="eve\n")
