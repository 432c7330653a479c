"""JWTs by the settings: with which keys they are read, and how a wrong one is refused.

Imported where JWTs are taken only: PyJWT and its cryptography have 5 MB.
"""

from control.access.configured_keys import configured_keys
from control.access.jwt_claims import JwtClaims, JwtError, JwtReader
from control.access.key_set import KeySet
from shared.errors import ErrorCode, ServiceError
from shared.settings.settings import Settings


class Jwts:
    """`key_set`: the keys at `JWT_JWKS_URL`, if it is set.

    Raises `SettingsError` for keys that cannot be used.
    """

    def __init__(self, settings: Settings, key_set: KeySet | None) -> None:
        self._keys = configured_keys(settings)
        self._key_set = key_set
        self._reader = JwtReader(
            settings.jwt_audience or None, settings.jwt_issuer or None, settings.jwt_required_claims
        )

    def read(self, token: bytes, now: float) -> JwtClaims:
        """The claims of `token` at Unix time `now`; raises UNAUTHORIZED with what is wrong, or KEYS_AWAY."""
        published = self._key_set.keys if self._key_set else ()
        try:
            return self._reader.read(token, (*self._keys, *published), now)
        except JwtError as error:
            if self._key_set and self._key_set.may_lack(token):
                raise ServiceError(ErrorCode.KEYS_AWAY) from None
            reason = str(error)
            cause = "jwt_claims" if reason else ""
            raise ServiceError(ErrorCode.UNAUTHORIZED, detail=reason or None, cause=cause) from None
