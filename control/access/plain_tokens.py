"""Tokens of the settings, which are no JWTs: for one room or for all, to publish, to play, or both.

A room's own tokens for an action replace those for all rooms. What nothing protects is open to everybody, as
far as no JWTs are taken.
"""

import hmac
from collections.abc import Iterable

from pydantic import SecretStr

from shared.messages.signalling import Role
from shared.settings.setting_types import secret
from shared.settings.settings import Settings


class PlainTokens:
    """Compares in constant time. Nothing equals a token that is not set."""

    def __init__(self, settings: Settings) -> None:
        self._everywhere = {
            Role.PUBLISH: _set_ones(settings.auth_token, settings.publish_token),
            Role.PLAY: _set_ones(settings.auth_token, settings.play_token),
        }
        self._of_rooms: dict[tuple[str, Role], list[bytes]] = {}
        for action, own in (
            (Role.PUBLISH, settings.room_publish_tokens),
            (Role.PLAY, settings.room_play_tokens),
        ):
            for tokens in (settings.room_tokens, own):
                for room, token in tokens.items():
                    self._of_rooms.setdefault((room, action), []).extend(_set_ones(token))

    def __bool__(self) -> bool:
        """Whether any token is set."""
        return bool(self._of_rooms) or any(self._everywhere.values())

    def protect(self, room: str, action: Role) -> bool:
        return bool(self._that_open(room, action))

    def open(self, token: bytes | None, room: str, action: Role) -> bool:
        """Whether `token` allows `action` in `room`."""
        return is_one_of(token, self._that_open(room, action))

    def know(self, token: bytes | None) -> bool:
        """Whether `token` opens anything."""
        return any(
            is_one_of(token, known) for known in (*self._everywhere.values(), *self._of_rooms.values())
        )

    def _that_open(self, room: str, action: Role) -> list[bytes]:
        return self._of_rooms.get((room, action), self._everywhere[action])


def is_one_of(token: bytes | None, expected: Iterable[bytes]) -> bool:
    return any(bool(token and one) and hmac.compare_digest(token or b"", one) for one in expected)


def _set_ones(*tokens: SecretStr) -> list[bytes]:
    return [secret(token).encode() for token in tokens if secret(token)]
