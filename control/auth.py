"""Who may publish, play and administer. Does no I/O: tokens and the time are arguments.

A room with a token in `ROOM_TOKENS` is opened by that token or by a JWT, never by the global token. Any other
room is opened by the global token or by a JWT. Where neither is configured, it is open to everybody, also
when `ROOM_TOKENS` protects other rooms.
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
_MAX_TIME = 2**40  # NumericDates beyond it are refused; every clock and wire format can hold it


@dataclass(frozen=True, slots=True)
class Grant:
    """Permission for a request. `expires_at`: Unix time at which it ends, leeway included; None: never.

    `identity` is the same whenever a client uses the same credentials. It reveals nothing about them, and is
    no credential itself.
    """

    expires_at: float | None = None
    identity: str = "open"


def credential(headers: Mapping[str, str]) -> bytes | None:
    """The token from `Authorization: Bearer`, otherwise from `X-Auth-Token`; None without a token."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        token = headers.get("x-auth-token", "")
    # Starlette decodes headers as latin-1: this restores the bytes of the request
    return token.strip().encode("latin-1") or None


class Authenticator:
    """Decides according to the settings. Every refusal is a `ServiceError` UNAUTHORIZED."""

    def __init__(self, settings: Settings) -> None:
        self.required = settings.auth_configured
        self._global = secret(settings.auth_token).encode()
        self._rooms = {room: secret(token).encode() for room, token in settings.room_tokens.items()}
        self._admin = secret(settings.admin_token).encode()
        self._jwt_secret = secret(settings.jwt_secret)
        self._audience = settings.jwt_audience or None

    def authorise(self, room: RoomName, action: Role, token: bytes | None, now: float) -> Grant:
        """Permission for `action` in `room` at Unix time `now`."""
        room_token = self._rooms.get(room)
        expected = self._global if room_token is None else room_token
        if not expected and not self._jwt_secret:
            return Grant()
        if _same(token, expected):
            return Grant(identity="token")  # the same for all: they use the same token
        claims = self._claims(token, now)
        if claims is None or not _is_for(claims, room) or action not in claims.get("actions", list(Role)):
            raise ServiceError(ErrorCode.UNAUTHORIZED)
        return Grant(claims["exp"] + LEEWAY_SECONDS, self._identity(claims))

    @property
    def has_admin(self) -> bool:
        """Whether the settings allow for an administrator at all."""
        return bool(self._admin or self._jwt_secret)

    def authorise_admin(self, token: bytes | None, now: float, room: str | None = None) -> None:
        """Raises unless the caller may administer `room`, or the whole cluster when `room` is None."""
        if not self._is_admin(token, now, room):
            raise ServiceError(ErrorCode.UNAUTHORIZED)

    def knows(self, token: bytes | None, now: float) -> bool:
        """Whether `token` opens anything at all, or no token is required."""
        return (
            not self.required
            or any(_same(token, known) for known in (self._global, self._admin, *self._rooms.values()))
            or self._claims(token, now) is not None
        )

    def _identity(self, claims: Mapping[str, Any]) -> str:
        """Made of subject and room, which stay the same when the token is renewed."""
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
        """The claims of a JWT that is valid at `now`, otherwise None."""
        if not token or not self._jwt_secret or len(token) > _MAX_TOKEN_BYTES:
            return None
        try:
            with warnings.catch_warnings(action="ignore", category=jwt.InsecureKeyLengthWarning):
                claims: dict[str, Any] = jwt.decode(
                    token,
                    self._jwt_secret,
                    algorithms=_ALGORITHMS,
                    audience=self._audience,
                    # times are checked below, against `now`: PyJWT would read the clock
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
        # hostile text raises more than PyJWT's own errors
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            return None
        starts, ends = claims.get("nbf", 0), claims["exp"]
        if not (_is_time(starts) and _is_time(ends)):
            return None
        if not starts - LEEWAY_SECONDS <= now < ends + LEEWAY_SECONDS:
            return None
        actions = claims.get("actions", [])
        return claims if isinstance(actions, list) else None


def _same(token: bytes | None, expected: bytes) -> bool:
    """Compares in constant time; nothing equals a secret that is not set."""
    return bool(token and expected) and hmac.compare_digest(token or b"", expected)


def _is_for(claims: Mapping[str, Any], room: str | None) -> bool:
    """Whether they hold for `room`, or for all rooms when that is None. A `room` must be a string."""
    if "room" not in claims:
        return True
    return isinstance(claims["room"], str) and claims["room"] == room


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _MAX_TIME
