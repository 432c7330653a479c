"""Who may do what. Tokens and the time are arguments; the keys of JWTs are read once, or kept by a `KeySet`.

Every route asks an `Access`, which is what the credential of one request opens. A room with a token in
`ROOM_TOKENS` is opened by that token or by a JWT, never by the global token. Any other room is opened by the
global token or by a JWT. Where neither is configured, it is open to everybody, also when `ROOM_TOKENS`
protects other rooms. Its recordings are opened by what opens the room for viewers, and by its admins; those
of an open room are open only where no credentials are configured at all.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from control.configured_keys import configured_keys
from control.jwt_claims import JwtClaims, JwtError, JwtReader
from control.key_set import KeySet
from shared.errors import ErrorCode, ServiceError
from shared.messages.signalling import Role
from shared.names import RoomName
from shared.settings import Settings, secret

MAX_TOKEN_BYTES = 8192


@dataclass(frozen=True, slots=True)
class Grant:
    """Permission to publish or play. `expires_at`: Unix time at which it ends, leeway included; None: never.

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
    """Knows the settings, and reads the credential of each request.

    `key_set`: the keys at `JWT_JWKS_URL`, if it is set. Raises `SettingsError` for keys that cannot be used.
    """

    def __init__(self, settings: Settings, key_set: KeySet | None = None) -> None:
        self.required = settings.auth_configured
        self.has_admin = bool(secret(settings.admin_token)) or settings.takes_jwts
        self._tokens = _Tokens(
            everywhere=secret(settings.auth_token).encode(),
            admin=secret(settings.admin_token).encode(),
            rooms={room: secret(token).encode() for room, token in settings.room_tokens.items()},
            takes_jwts=settings.takes_jwts,
        )
        self._keys = configured_keys(settings)
        self._key_set = key_set
        self._jwts = JwtReader(
            settings.jwt_audience or None, settings.jwt_issuer or None, settings.jwt_required_claims
        )

    def access(self, token: bytes | None, now: float) -> "Access":
        """What `token` opens at Unix time `now`. It is decoded here, once for all that the request asks."""
        if token is not None and len(token) > MAX_TOKEN_BYTES:
            return Access(
                self._tokens, b"", None, _refused(f"the token is longer than {MAX_TOKEN_BYTES} bytes")
            )
        if token is None or not self._tokens.takes_jwts:
            return Access(self._tokens, token, None, _refused())
        published = self._key_set.keys if self._key_set else ()
        try:
            jwt = self._jwts.read(token, (*self._keys, *published), now)
        except JwtError as error:
            if self._key_set and self._key_set.may_lack(token):
                return Access(self._tokens, token, None, ServiceError(ErrorCode.KEYS_AWAY))
            return Access(self._tokens, token, None, _refused(str(error)))
        return Access(self._tokens, token, jwt, _refused())


def _refused(reason: str = "") -> ServiceError:
    """`reason`: what is wrong with a JWT of ours; "": there is none, or it is somebody else's."""
    return ServiceError(ErrorCode.UNAUTHORIZED, detail=reason or None)


@dataclass(frozen=True, slots=True)
class _Tokens:
    """The configured tokens; an empty one opens nothing."""

    everywhere: bytes  # the global one: opens the rooms that have no token of their own
    admin: bytes
    rooms: Mapping[str, bytes]
    takes_jwts: bool

    @property
    def protect_all(self) -> bool:
        """Whether every room requires credentials."""
        return bool(self.everywhere) or self.takes_jwts

    def of(self, room: str) -> bytes:
        return self.rooms.get(room, self.everywhere)


class Access:
    """What the credential of one request opens. Every refusal is the same `ServiceError`.

    That is UNAUTHORIZED, with the reason if a JWT of ours is at fault; or KEYS_AWAY if its key is not known.
    """

    def __init__(
        self, tokens: _Tokens, token: bytes | None, jwt: JwtClaims | None, refusal: ServiceError
    ) -> None:
        self.refusal = refusal
        self._tokens = tokens
        self._token = token
        self._jwt = jwt
        self._is_admin = _same(token, tokens.admin)

    def grant(self, room: RoomName, action: Role) -> Grant:
        """Permission for `action` in `room`; raises."""
        grant = self._grant(room, action)
        if grant is None:
            raise self.refusal
        return grant

    def check_sent_along(self, room: RoomName, action: Role) -> None:
        """Raises if a wrong token came with a session's URL, which is credential enough without a token."""
        if self._token is not None:
            self.grant(room, action)

    def check_admin(self, room: str | None = None) -> None:
        """Raises unless the caller may administer `room`, or the whole cluster when `room` is None."""
        if not self._administers(room):
            raise self.refusal

    def check_opens_anything(self) -> None:
        """Raises unless the credential opens anything at all, or none is required."""
        if not self.opens_anything:
            raise self.refusal

    @property
    def opens_anything(self) -> bool:
        tokens = self._tokens
        return (
            not (tokens.rooms or tokens.protect_all)
            or self._is_admin
            or self._jwt is not None
            or any(_same(self._token, known) for known in (tokens.everywhere, *tokens.rooms.values()))
        )

    def may_read_records(self, room: RoomName) -> bool:
        tokens = self._tokens
        if not (tokens.rooms or tokens.protect_all) or self._administers(room):
            return True
        # where only other rooms have tokens, everybody may play this one, but its recordings are for admins
        is_protected = room in tokens.rooms or tokens.protect_all
        return is_protected and self._grant(room, Role.PLAY) is not None

    def _grant(self, room: RoomName, action: Role) -> Grant | None:
        expected = self._tokens.of(room)
        if not expected and not self._tokens.takes_jwts:
            return Grant()
        if _same(self._token, expected):
            return Grant(identity="token")  # the same for all: they use the same token
        jwt = self._jwt
        if jwt is None or not jwt.is_for(room) or not jwt.allows(action):
            return None
        return Grant(jwt.ends_at, jwt.identity)

    def _administers(self, room: str | None) -> bool:
        return self._is_admin or (self._jwt is not None and self._jwt.is_admin and self._jwt.is_for(room))


def _same(token: bytes | None, expected: bytes) -> bool:
    """Compares in constant time; nothing equals a secret that is not set."""
    return bool(token and expected) and hmac.compare_digest(token or b"", expected)
