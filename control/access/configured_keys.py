"""The keys of JWTs that the settings hold, or the file that they name."""

from pathlib import Path

from control.access.jwt_keys import JwtKey, KeysError, keys_of_pem, secret_key
from shared.settings.settings import Settings, SettingsError

_MAX_FILE_BYTES = 65_536


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
