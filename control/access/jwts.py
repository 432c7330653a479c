"""JWTs by the settings: with which keys they are read, and how a wrong one is refused.

Imported where JWTs are taken only: PyJWT and its cryptography have 5 MB.
"""

from pathlib import Path

from control.access.jwt_claims import JwtClaims, JwtError, JwtReader
from control.access.jwt_keys import JwtKey, KeysError, keys_of_pem, secret_key
from control.access.key_set import KeySet
from shared.errors import Cause, ErrorCode, ServiceError
from shared.settings.settings import Settings, SettingsError

_MAX_FILE_BYTES = 65_536  # of JWT_PUBLIC_KEYS


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
            cause: Cause = "jwt_claims" if reason else ""
            raise ServiceError(ErrorCode.UNAUTHORIZED, detail=reason or None, cause=cause) from None


def configured_keys(settings: Settings) -> tuple[JwtKey, ...]:
    """The keys of `JWT_SECRET`, `JWT_MORE_SECRETS` and `JWT_PUBLIC_KEYS`; raises `SettingsError`."""
    public: tuple[JwtKey, ...] = ()
    if settings.jwt_public_keys:
        try:
            public = keys_of_pem(_pem(settings.jwt_public_keys))
        except OSError as error:
            raise SettingsError(f"JWT_PUBLIC_KEYS: {error.strerror or error}") from None
        except ValueError as error:  # KeysError is one, and what a file that is no text raises
            reason = str(error) if isinstance(error, KeysError) else "is no text"
            raise SettingsError(f"JWT_PUBLIC_KEYS: {reason}") from None
    return (*map(secret_key, settings.jwt_secrets), *public)


def _pem(setting: str) -> str:
    """The keys' text: the setting itself, or the content of the file that it names."""
    if "-----BEGIN" in setting:
        return setting.replace("\\n", "\n")  # files of variables know no lines
    with Path(setting).open("rb") as file:
        return file.read(_MAX_FILE_BYTES).decode()
