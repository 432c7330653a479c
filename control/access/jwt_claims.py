"""JWTs as values: decoded once, checked, and refused with a reason. Does no I/O: the time is an argument."""

import hashlib
import json
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from control.access.actions import Action
from control.access.jwt_keys import JwtKey
from control.access.operators import Operator
from shared.messages.rulings import TokenMark
from shared.names import A_CLAIM, is_claim, parse_room_name

LEEWAY_SECONDS = 30
# hostile text raises more than PyJWT's own errors
_HOSTILE = (jwt.PyJWTError, ValueError, TypeError, RecursionError)
_MAX_TIME = 2**40  # NumericDates beyond it are refused; every clock and wire format can hold it
_MAX_ISSUED = 2**36  # of `UnixTime`
_MAX_NAMED = 80  # characters of a claim in logs and lists


class JwtError(ValueError):
    """The token is no JWT of ours. The text says why if its signature is good; otherwise it is empty."""


@dataclass(frozen=True, slots=True)
class JwtClaims:
    """`ends_at`: Unix time, leeway included. `room`: None is every room. `actions`: None is all of them.

    `identity` stays the same when the token of a user (`sub`) is renewed. It reveals nothing about the token.
    """

    ends_at: float
    room: str | None
    actions: frozenset[str] | None
    operator: Operator | None
    identity: str
    mark: TokenMark

    @property
    def actor(self) -> str:
        """Who bears the token, for logs and lists; cut, and without control characters."""
        named = {"sub": self.mark.subject, "jti": self.mark.jti}
        words = [f"{name}={value[:_MAX_NAMED]!r}" for name, value in named.items() if value is not None]
        return " ".join(["JWT", *words])

    def is_for(self, room: str | None) -> bool:
        """Whether the claims hold for `room`, or for the whole cluster when that is None."""
        return self.room is None or self.room == room

    def allows(self, action: str) -> bool:
        return self.actions is None or action in self.actions

    def names(self, action: Action) -> bool:
        """Whether they name an action, which who may publish may do anyway."""
        return self.actions is not None and action in self.actions


@dataclass(frozen=True, slots=True)
class JwtHeader:
    """What a token says of the key that signed it, not verified."""

    algorithm: str
    key: str | None


def header_of(token: bytes) -> JwtHeader | None:
    """The header of what may be a JWT; None: it is none."""
    try:
        header = jwt.get_unverified_header(token)
    except _HOSTILE:
        return None
    algorithm, key = header.get("alg"), header.get("kid")
    if not (isinstance(algorithm, str) and isinstance(key, str | None)):
        return None
    return JwtHeader(algorithm, key)


class JwtReader:
    """Reads tokens.

    `audience` and `issuer` are what a token must name (None: anything); `required` are the claims that it
    must have beside exp.
    """

    def __init__(self, audience: str | None, issuer: str | None, required: Iterable[str]) -> None:
        self._audience = audience
        self._issuer = issuer
        self._required = ["exp", *required]

    def read(self, token: bytes, keys: Iterable[JwtKey], now: float) -> JwtClaims:
        """The claims of a JWT that one of `keys` signed, valid at Unix time `now`; raises `JwtError`."""
        claims = self._verified(token, keys)
        starts, ends = claims.get("nbf", 0), claims["exp"]
        if not (_is_time(starts) and _is_time(ends)):
            raise JwtError("exp and nbf of the JWT must be numbers")
        if now < starts - LEEWAY_SECONDS:
            raise JwtError("the JWT is not valid yet")
        if now >= ends + LEEWAY_SECONDS:
            raise JwtError("the JWT has expired")
        mark = _mark(claims)
        return JwtClaims(
            ends_at=ends + LEEWAY_SECONDS,
            room=_room(claims),
            actions=_actions(claims),
            operator=_operator(claims),
            identity=_identity(claims, mark.subject, token),
            mark=mark,
        )

    def _verified(self, token: bytes, keys: Iterable[JwtKey]) -> dict[str, Any]:
        header = header_of(token)
        if header is None:
            raise JwtError
        for key in keys:
            if key.fits(header.algorithm, header.key):
                try:
                    return self._decoded(token, key)
                except jwt.InvalidSignatureError:
                    continue  # another key may have signed it
        raise JwtError

    def _decoded(self, token: bytes, key: JwtKey) -> dict[str, Any]:
        """Raises `JwtError`, or `InvalidSignatureError` if another key signed it."""
        try:
            with warnings.catch_warnings(action="ignore", category=jwt.InsecureKeyLengthWarning):
                claims: dict[str, Any] = jwt.decode(
                    token,
                    key.material,
                    algorithms=sorted(key.algorithms),
                    audience=self._audience,
                    issuer=self._issuer,
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
        except jwt.InvalidSignatureError:
            raise
        # the signature was verified: what follows is said to somebody with a token of ours
        except jwt.MissingRequiredClaimError as error:
            raise JwtError(f"the JWT lacks the claim {error.claim}") from None
        except jwt.InvalidAudienceError:
            raise JwtError("the JWT is for another audience") from None
        except jwt.InvalidIssuerError:
            raise JwtError("the JWT is of another issuer") from None
        except _HOSTILE:
            raise JwtError from None
        return claims


def _identity(claims: Mapping[str, Any], subject: str | None, token: bytes) -> str:
    """The bearer's identity, made of what stays the same when a token or a key is renewed.

    A token that names no user has nothing in common with another one.
    """
    if subject is None:
        return hashlib.sha256(token).hexdigest()
    text = json.dumps([claims.get("iss"), subject, claims.get("room")])
    return hashlib.sha256(text.encode()).hexdigest()


def _mark(claims: Mapping[str, Any]) -> TokenMark:
    """The claims by which the token may be revoked. An `iat` that is no time does not count."""
    issued = claims.get("iat")
    return TokenMark(
        _name(claims, "jti"),
        _name(claims, "sub"),
        float(issued) if issued is not None and _is_time(issued) and issued < _MAX_ISSUED else None,
    )


def _name(claims: Mapping[str, Any], claim: str) -> str | None:
    """A claim that tells somebody apart.

    A token opens nothing if that claim is there and cannot be revoked.
    """
    value = claims.get(claim)
    if value is None:
        return None
    if not is_claim(value):
        raise JwtError(f"{claim} of the JWT must be {A_CLAIM}")
    return value


def _room(claims: Mapping[str, Any]) -> str | None:
    """The room to which the claims are confined. A claim that is no room's name must not open every room."""
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


def _operator(claims: Mapping[str, Any]) -> Operator | None:
    return Operator.ADMIN if claims.get("admin") is True else Operator.of(claims.get("role"))


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _MAX_TIME
