"""JWTs as values: decoded once, checked, and refused with a reason. Does no I/O: the time is an argument."""

import hashlib
import hmac
import json
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from shared.messages.signalling import Role
from shared.names import parse_room_name

LEEWAY_SECONDS = 30
_ALGORITHMS = ["HS256", "HS384", "HS512"]
_MAX_TIME = 2**40  # NumericDates beyond it are refused; every clock and wire format can hold it


class JwtError(ValueError):
    """The token is no JWT of ours. The text says why if its signature is good; otherwise it is empty."""


@dataclass(frozen=True, slots=True)
class JwtClaims:
    """`ends_at`: Unix time, leeway included. `room`: None is every room. `actions`: None is all of them.

    `identity` stays the same when the token is renewed. It reveals nothing about the token.
    """

    ends_at: float
    room: str | None
    actions: frozenset[str] | None
    is_admin: bool
    identity: str

    def is_for(self, room: str | None) -> bool:
        """Whether they hold for `room`, or for the whole cluster when that is None."""
        return self.room is None or self.room == room

    def allows(self, action: Role) -> bool:
        return self.actions is None or action in self.actions


class JwtReader:
    """Reads the tokens that were signed with `secret`. `audience`: None is any."""

    def __init__(self, secret: str, audience: str | None, required: Iterable[str]) -> None:
        self._secret = secret
        self._audience = audience
        self._required = ["exp", *required]

    def read(self, token: bytes, now: float) -> JwtClaims:
        """The claims of a JWT that is valid at Unix time `now`; raises `JwtError`."""
        claims = self._verified(token)
        starts, ends = claims.get("nbf", 0), claims["exp"]
        if not (_is_time(starts) and _is_time(ends)):
            raise JwtError("exp and nbf of the JWT must be numbers")
        if now < starts - LEEWAY_SECONDS:
            raise JwtError("the JWT is not valid yet")
        if now >= ends + LEEWAY_SECONDS:
            raise JwtError("the JWT has expired")
        return JwtClaims(
            ends_at=ends + LEEWAY_SECONDS,
            room=_room(claims),
            actions=_actions(claims),
            is_admin=claims.get("role") == "admin" or claims.get("admin") is True,
            identity=self._identity(claims),
        )

    def _verified(self, token: bytes) -> dict[str, Any]:
        try:
            with warnings.catch_warnings(action="ignore", category=jwt.InsecureKeyLengthWarning):
                claims: dict[str, Any] = jwt.decode(
                    token,
                    self._secret,
                    algorithms=_ALGORITHMS,
                    audience=self._audience,
                    # times are checked against `now`: PyJWT would read the clock
                    options={
                        "require": self._required,
                        "verify_aud": self._audience is not None,
                        "verify_exp": False,
                        "verify_nbf": False,
                        "verify_iat": False,
                        "verify_sub": False,
                        "verify_jti": False,
                    },
                )
        except jwt.MissingRequiredClaimError as error:  # after the signature was verified
            raise JwtError(f"the JWT lacks the claim {error.claim}") from None
        # hostile text raises more than PyJWT's own errors
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise JwtError from None
        return claims

    def _identity(self, claims: Mapping[str, Any]) -> str:
        """Made of subject and room, which stay the same when the token is renewed."""
        subject = claims.get("sub")
        text = json.dumps([subject if isinstance(subject, str) else None, claims.get("room")])
        return hmac.new(self._secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def _room(claims: Mapping[str, Any]) -> str | None:
    """The room that they are confined to. One that is there and is no name must not open every room."""
    if "room" not in claims:
        return None
    room = claims["room"]
    if not (isinstance(room, str) and parse_room_name(room)):
        raise JwtError("room of the JWT must be the name of a room")
    return room


def _actions(claims: Mapping[str, Any]) -> frozenset[str] | None:
    if "actions" not in claims:
        return None
    actions = claims["actions"]
    if not isinstance(actions, list):
        raise JwtError("actions of the JWT must be a list")
    return frozenset(action for action in actions if isinstance(action, str))


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _MAX_TIME
