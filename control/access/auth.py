"""Who may do what. Tokens and the time are arguments; the keys of JWTs are read once, or kept by a `KeySet`.

Every route asks an `Access`, which is what the credential of one request opens. A room with tokens of its own
(set by the API, or else `ROOM_TOKENS` and the like) is opened by these or by a JWT, never by the global ones.
Any other room is opened by a global token or by a JWT. Tokens may be for publishing or playing alone, and an
action that has neither tokens nor JWTs is open to everybody, also when others are protected. A room's
recordings are opened by what opens it for viewers, and by its admins; those of a room that everybody may play
are open only where no credentials are configured at all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from control.access.actions import Action
from control.access.operators import Operator
from control.access.plain_tokens import PlainTokens, is_one_of
from shared.errors import Cause, ErrorCode, ServiceError
from shared.messages.rulings import TokenMark
from shared.messages.signalling import Role
from shared.names import RoomName
from shared.room_settings.settings_book import SettingsBook
from shared.settings.setting_types import secret
from shared.settings.settings import Settings

if TYPE_CHECKING:
    from control.access.jwt_claims import JwtClaims
    from control.access.jwts import Jwts
    from control.access.key_set import KeySet

MAX_TOKEN_BYTES = 8192


_OPEN, _TOKEN = "open", "token"  # identities of all who need no credentials, and of all who use a token
_SHARED = (_OPEN, _TOKEN)


@dataclass(frozen=True, slots=True)
class Grant:
    """Permission to publish or play. `expires_at`: Unix time at which it ends, leeway included; None: never.

    `identity` is the same whenever a client uses the same credentials. It reveals nothing about them, and is
    no credential itself.
    """

    expires_at: float | None = None
    identity: str = _OPEN
    token: TokenMark | None = None  # by which it may be revoked

    def caller(self, network: str) -> str:
        """One user's identity; where many share one, as far as a client's `network` tells them apart."""
        return f"{self.identity} {network}" if self.identity in _SHARED else self.identity


_BLANKS = " \t"  # no others: the last byte of a letter in UTF-8 may be one in latin-1


def credential(headers: Mapping[str, str]) -> bytes | None:
    """The token from `Authorization: Bearer`, otherwise from `X-Auth-Token`; None without a token."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip(_BLANKS):
        token = headers.get("x-auth-token", "")
    # Starlette decodes headers as latin-1: this restores the bytes of the request
    return token.strip(_BLANKS).encode("latin-1") or None


class Authenticator:
    """Knows the settings, and reads the credential of each request.

    `key_set` has the keys at `JWT_JWKS_URL`, if that is set. `revokes` says whether an operator has revoked
    the JWT with a mark; `set_for_rooms` are the tokens that were set by the API. Raises `SettingsError` for
    keys that cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        key_set: "KeySet | None" = None,
        revokes: Callable[[TokenMark], bool] = lambda _: False,
        set_for_rooms: SettingsBook | None = None,
    ) -> None:
        self._revokes = revokes
        self.takes_jwts = settings.takes_jwts
        self.admin_token = secret(settings.admin_token).encode()  # empty: nobody has it
        self.asks_callback = bool(secret(settings.auth_url))  # which decides
        self.plain = PlainTokens(settings, set_for_rooms)
        self._jwts: Jwts | None = None
        if self.takes_jwts:
            from control.access import jwts

            self._jwts = jwts.Jwts(settings, key_set)

    @property
    def has_admin(self) -> bool:
        return bool(self.admin_token) or self.takes_jwts

    @property
    def required(self) -> bool:
        """Whether anything requires credentials."""
        return self.takes_jwts or self.asks_callback or bool(self.plain)

    def protects(self, room: str, action: Role) -> bool:
        """Whether `action` in `room` requires credentials."""
        return self.takes_jwts or self.asks_callback or self.plain.protect(room, action)

    def locks(self, room: str) -> bool:
        """Whether playing in `room` requires credentials."""
        return self.protects(room, Role.PLAY)

    def access(self, token: bytes | None, now: float) -> "Access":
        """What `token` opens at Unix time `now`. A JWT is decoded here, once for all that a request asks."""
        if token is not None and len(token) > MAX_TOKEN_BYTES:
            return Access(self, b"", None, _refused(f"the token is longer than {MAX_TOKEN_BYTES} bytes"))
        if token is None or self._jwts is None:
            return Access(self, token, None, _refused(cause="" if token else "no_credentials"))
        try:
            jwt = self._jwts.read(token, now)
        except ServiceError as refusal:
            return Access(self, token, None, refusal)
        if self._revokes(jwt.mark):
            return Access(self, token, None, _refused("the JWT was revoked"))
        return Access(self, token, jwt, _refused(cause="jwt_claims"))


def _refused(reason: str = "", cause: Cause = "") -> ServiceError:
    """A refusal. `reason` says what is wrong with a JWT of ours; it is empty for any other credential."""
    return ServiceError(
        ErrorCode.UNAUTHORIZED, detail=reason or None, cause=cause or ("jwt_claims" if reason else "")
    )


class Access:
    """What the credential of one request opens.

    Every refusal is a `ServiceError`: UNAUTHORIZED, with the reason if a JWT of ours is at fault, or
    KEYS_AWAY if the key of the JWT is not known.
    """

    def __init__(
        self, by: Authenticator, token: bytes | None, jwt: "JwtClaims | None", refusal: ServiceError
    ) -> None:
        self.refusal = refusal
        self._by = by
        self._token = token
        self._jwt = jwt
        self._is_admin = is_one_of(token, [by.admin_token])

    def grant(self, room: RoomName, action: Role, *, stands_by: bool = False) -> Grant:
        """Permission for `action` in `room`; raises. To stand by a JWT may name that alone."""
        grant = self._grant(room, action, stands_by=stands_by)
        if grant is None:
            raise self.refusal
        return grant

    def check_sent_along(self, room: RoomName, action: Role) -> None:
        """Raises if a wrong token came with a session's URL, which is credential enough without a token."""
        if self._token is not None and not self.is_for_callback(room, action):
            self.grant(room, action, stands_by=action is Role.PUBLISH)

    def is_for_callback(self, room: RoomName, action: Role) -> bool:
        """Whether `AUTH_URL` decides about this credential: it is neither an admin's nor a JWT of ours.

        A JWT of ours that is refused, such as a revoked one, has a reason. Tokens that were set
        for the room count instead.
        """
        if self._by.plain.set_for(room, action):
            return False
        refused = self.refusal.code is not ErrorCode.UNAUTHORIZED or self.refusal.detail is not None
        return self._by.asks_callback and not (self._is_admin or self._jwt is not None or refused)

    def check_may_tell(self, room: RoomName) -> None:
        """Raises unless the caller may send messages to who watches `room`.

        Its moderators may, who may publish there, and a JWT with the action `message`.
        """
        if self._operates(Operator.MODERATE, room) or self._grant(room, Role.PUBLISH) is not None:
            return
        if self._jwt is None or not (self._jwt.is_for(room) and self._jwt.names(Action.MESSAGE)):
            raise self.refusal

    def check_may_record(self, room: RoomName) -> None:
        """Raises unless the caller may have `room` recorded: as its admin, or by the action `record`."""
        jwt = self._jwt
        may = jwt is not None and jwt.is_for(room) and jwt.allows(Action.RECORD)
        if not (may or self._operates(Operator.ADMIN, room)):
            raise self.refusal

    def check_operator(self, least: Operator, room: str | None = None) -> None:
        """Raises unless the caller may do that much with `room`; None: with the whole cluster."""
        if not self._operates(least, room):
            raise self.refusal

    @property
    def opens_anything(self) -> bool:
        """Whether the credential opens anything at all, or none is required."""
        return (
            self._is_admin
            or self._jwt is not None
            or not self._by.required
            or self._by.plain.know(self._token)
        )

    @property
    def has_token(self) -> bool:
        return self._token is not None

    def may_play(self, room: RoomName) -> bool:
        """Whether the credential lets its caller play in `room`, or operate it; `AUTH_URL` is not asked."""
        return self._operates(Operator.WATCH, room) or self._grant(room, Role.PLAY) is not None

    @property
    def actor(self) -> str:
        """Who the caller is, for logs and lists; no secret."""
        if self._is_admin:
            return "admin token"
        return self._jwt.actor if self._jwt is not None else "nobody"

    def is_of(self, room: RoomName) -> bool:
        """Whether the credential names `room`, or operates it."""
        names = self._jwt is not None and self._jwt.room == room
        return names or self._operates(Operator.WATCH, room) or self._by.plain.names(self._token, room)

    def may_read_records(self, room: RoomName) -> bool:
        if self._operates(Operator.ADMIN, room) or not self._by.required:
            return True
        # what everybody may play has recordings for admins only, where anything else is protected
        return self._by.protects(room, Role.PLAY) and self._grant(room, Role.PLAY) is not None

    def _grant(self, room: RoomName, action: Role, *, stands_by: bool = False) -> Grant | None:
        if not self._by.protects(room, action):
            return Grant()
        if self._by.plain.open(self._token, room, action):
            return Grant(identity=_TOKEN)  # the same for all: they use the same token
        jwt = self._jwt
        if jwt is None or not jwt.is_for(room):
            return None
        if not (jwt.allows(action) or (stands_by and jwt.names(Action.STANDBY))):
            return None
        return Grant(jwt.ends_at, jwt.identity, jwt.mark)

    def _operates(self, least: Operator, room: str | None) -> bool:
        if self._is_admin:
            return True
        jwt = self._jwt
        return jwt is not None and jwt.operator is not None and jwt.operator >= least and jwt.is_for(room)
