"""JWTs for clients, signed with `JWT_SECRET`: what `roomcast token` prints."""

import re
import secrets
import warnings
from collections.abc import Sequence
from typing import Any

import jwt

from control.access.actions import Action
from control.access.operators import Operator
from shared.messages.signalling import Role
from shared.names import A_CLAIM, RoomName, is_claim
from shared.settings.setting_types import secret
from shared.settings.settings import Settings, SettingsError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_MAX_SECONDS = 3650 * 86_400


def seconds_of(text: str) -> int:
    """A lifetime such as 90s, 30m, 12h or 7d, in seconds; raises `ValueError`."""
    found = re.fullmatch(r"([0-9]{1,9})([smhd]?)", text)
    seconds = int(found[1]) * _UNITS[found[2] or "s"] if found else 0
    if not 0 < seconds <= _MAX_SECONDS:
        raise ValueError("must be a time such as 90s, 30m, 12h or 7d")
    return seconds


def mint(
    settings: Settings,
    now: float,
    *,
    room: RoomName | None,
    actions: Sequence[Action | Role],
    seconds: int,
    subject: str = "",
    operator: Operator | None = None,
) -> str:
    """A token that control with these settings takes, from Unix time `now` on.

    `room` None: every room. Without `actions`: all of them, but for an operator who is no admin: none. Raises
    `SettingsError`.
    """
    key = secret(settings.jwt_secret)
    if not key:
        raise SettingsError("JWT_SECRET: not set, and it signs the token")
    if subject and not is_claim(subject):
        raise SettingsError(f"the subject must be {A_CLAIM}")
    claims: dict[str, Any] = {"exp": int(now) + seconds, "iat": int(now), "jti": secrets.token_hex(16)}
    optional = {
        "room": room,
        "sub": subject,
        "role": operator.name.lower() if operator else "",
        "aud": settings.jwt_audience,
        "iss": settings.jwt_issuer,
    }
    claims |= {name: value for name, value in optional.items() if value}
    if actions or operator in (Operator.WATCH, Operator.MODERATE):
        claims["actions"] = [str(action) for action in actions]
    missing = [name for name in settings.jwt_required_claims if name not in claims]
    if missing:
        raise SettingsError(f"JWT_REQUIRED_CLAIMS: the token would lack {', '.join(missing)}")
    with warnings.catch_warnings(action="ignore", category=jwt.InsecureKeyLengthWarning):
        return jwt.encode(claims, key, "HS256")
