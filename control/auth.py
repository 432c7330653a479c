"""Who may publish, play and administrate. Pure: tokens and the time are arguments.

A room that has a token in `ROOM_TOKENS` is opened by it or by a JWT, never by the global token. Any other
room is opened by the global token or a JWT; where neither is configured it is open, also when `ROOM_TOKENS`
closes others: a room token says something about its own room only.
"""

import hashlib
import hmac
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import Role
from shared.names import RoomName
from shared.settings import Settings, secret

LEEWAY_SECONDS = 30
_ALGORITHMS = ["HS256", "HS384", "HS512"]
_MAX_TOKEN_BYTES = 8192
_MAX_TIME = 2**40  # a NumericDate that every clock and wire format can hold


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to do what was asked. `expires_at`: Unix time at which it ends, leeway included; None: never.

    `identity` is the same for a client that comes again with the same credentials. It gives nothing away of
    them, and opens nothing.
    """

    expires_at: float | None = None
    identity: str = "open"


def credential(headers: Mapping[str, str]) -> bytes | None:
    """The token of a request: `Authorization: Bearer`, else `X-Auth-Token`; None when neither holds one."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        token = headers.get("x-auth-token", "")
    # Starlette decodes headers as latin-1: this is what was on the wire
    return token.strip().encode("latin-1") or None


class Authenticator:
    """Decides by the settings. Every refusal is `ServiceError` UNAUTHORIZED."""

    def __init__(self, settings: Settings) -> None:
        self.required = settings.auth_configured
        self._global = secret(settings.auth_token).encode()
        self._rooms = {room: secret(token).encode() for room, token in settings.room_tokens.items()}
        self._admin = secret(settings.admin_token).encode()
        self._jwt_secret = secret(settings.jwt_secret)
        self._audience = settings.jwt_audience or None

    def authorise(self, room: RoomName, action: Role, token: bytes | None, now: float) -> Grant:
        """Leave for `action` in `room` at Unix time `now`."""
        room_token = self._rooms.get(room)
        expected = self._global if room_token is None else room_token
        if not expected and not self._jwt_secret:
            return Grant()
        if _same(token, expected):
            return Grant(identity="token")  # the one token that opens this room: it need not be told apart
        claims = self._claims(token, now)
        if claims is None or not _is_for(claims, room) or action not in claims.get("actions", list(Role)):
            raise ServiceError(ErrorCode.UNAUTHORIZED)
        return Grant(claims["exp"] + LEEWAY_SECONDS, self._identity(claims))

    @property
    def has_admin(self) -> bool:
        """Whether anybody can be an administrator at all."""
        return bool(self._admin or self._jwt_secret)

    def authorise_admin(self, token: bytes | None, now: float, room: str | None = None) -> None:
        """Leave to administrate: `room`, or, when it is None, the whole cluster."""
        if not self._is_admin(token, now, room):
            raise ServiceError(ErrorCode.UNAUTHORIZED)

    def knows(self, token: bytes | None, now: float) -> bool:
        """Whether `token` opens anything at all, or nothing asks for one."""
        return (
            not self.required
            or any(_same(token, known) for known in (self._global, self._admin, *self._rooms.values()))
            or self._claims(token, now) is not None
        )

    def _identity(self, claims: Mapping[str, Any]) -> str:
        """Subject and room: a token is renewed, and its bearer stays the same."""
        subject = claims.get("sub")
        text = json.dumps([subject if isinstance(subject, str) else None, claims.get("room")])
        return hmac.new(self._jwt_secret.encode(), text.encode(), hashlib.sha256).hexdigest()

    def _is_admin(self, token: bytes | None, now: float, room: str | None) -> bool:
        if _same(token, self._admin):
            return True
        claims = self._claims(token, now)
        return (
            claims is not None
            and (claims.get("role") == "admin" or claims.get("admin") is True)
            and _is_for(claims, room)
        )

    def _claims(self, token: bytes | None, now: float) -> dict[str, Any] | None:
        """The claims of a JWT that is valid at `now`, else None."""
        if not token or not self._jwt_secret or len(token) > _MAX_TOKEN_BYTES:
            return None
        try:
            with warnings.catch_warnings(action="ignore", category=jwt.InsecureKeyLengthWarning):
                claims: dict[str, Any] = jwt.decode(
                    token,
                    self._jwt_secret,
                    algorithms=_ALGORITHMS,
                    audience=self._audience,
                    # times are checked below: PyJWT would read the clock
                    options={
                        "require": ["exp"],
                        "verify_aud": self._audience is not None,
                        "verify_exp": False,
                        "verify_nbf": False,
                        "verify_iat": False,
                        "verify_sub": False,
                        "verify_jti": False,
                    },
                )
        except (
            jwt.PyJWTError,
            ValueError,
            TypeError,
            RecursionError,
        ):  # not PyJWT's own only: it is hostile text
            return None
        starts, ends = claims.get("nbf", 0), claims["exp"]
        if not (_is_time(starts) and _is_time(ends)):
            return None
        if not starts - LEEWAY_SECONDS <= now < ends + LEEWAY_SECONDS:
            return None
        actions = claims.get("actions", [])
        return claims if isinstance(actions, list) else None


def _same(token: bytes | None, expected: bytes) -> bool:
    """Constant-time comparison; an unset secret equals nothing."""
    return bool(token and expected) and hmac.compare_digest(token or b"", expected)


def _is_for(claims: Mapping[str, Any], room: str | None) -> bool:
    return "room" not in claims or claims["room"] == room


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _MAX_TIME
