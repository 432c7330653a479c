"""The values of the settings, for processes that do not know how `settings.py` reads them."""

from collections.abc import Mapping
from typing import Any, NoReturn, Protocol

AUTO = "auto"  # in MEDIA_PUBLIC_IPS, in the place of an address: what STUN servers see


class SettingsError(ValueError):
    """One line that names the wrong setting."""


class HasSecret(Protocol):
    """pydantic's `SecretStr`, or a `Secret`."""

    def get_secret_value(self) -> str: ...


class Secret:
    """A text that does not print; empty ones are false."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def get_secret_value(self) -> str:
        return self._text

    def __len__(self) -> int:
        return len(self._text)

    def __repr__(self) -> str:
        return "Secret('**********')" if self._text else "Secret('')"


def secret(value: HasSecret) -> str:
    """The text of a secret, for the code that compares or sends it."""
    return value.get_secret_value()


class SettingValues:
    """What a `Settings` has: its fields and properties, with a `Secret` for each secret."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.__dict__.update(values)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"settings do not change: {name}")

    def __repr__(self) -> str:  # its values may be secrets
        return "SettingValues(...)"
