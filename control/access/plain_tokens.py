"""Tokens that are no JWTs: for one room or for all, to publish, to play, or both.

Those that were set for a room by the API replace its own ones of the environment, and these the ones for all
rooms. What nothing protects is open to everybody, as far as no JWTs are taken.
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence

from pydantic import SecretStr

from shared.messages.signalling import Role
from shared.room_settings.settings_book import SettingsBook
from shared.settings.setting_types import secret
from shared.settings.settings import Settings


def token_digest(token: bytes) -> bytes:
    """What is kept of a token. It needs no salt: a token is longer than what can be tried."""
    return hashlib.sha256(token).digest()


class PlainTokens:
    """Compares in constant time. Nothing equals a token that is not set."""

    def __init__(self, settings: Settings, set_for_rooms: SettingsBook | None) -> None:
        self._set_for_rooms = set_for_rooms
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
        """Whether any token is set.

        This and all else that depends on tokens set by the API raises `NO_WORKER` until these were read once.
        """
        if self._of_rooms or any(self._everywhere.values()):
            return True
        return self._set_for_rooms is not None and self._set_for_rooms.any_tokens

    def protect(self, room: str, action: Role) -> bool:
        return bool(self.set_for(room, action) or self._that_open(room, action))

    def set_for(self, room: str, action: Role) -> Sequence[bytes]:
        """The digests of the tokens that were set for a room."""
        return () if self._set_for_rooms is None else self._set_for_rooms.tokens(room, action)

    def open(self, token: bytes | None, room: str, action: Role) -> bool:
        """Whether `token` allows `action` in `room`."""
        if own := self.set_for(room, action):
            return token is not None and is_one_of(token_digest(token), own)
        return is_one_of(token, self._that_open(room, action))

    def names(self, token: bytes | None, room: str) -> bool:
        """Whether `token` opens this room as one of its own."""
        return any(
            bool(self.set_for(room, action) or self._of_rooms.get((room, action)))
            and self.open(token, room, action)
            for action in Role
        )

    def know(self, token: bytes | None) -> bool:
        """Whether `token` opens anything."""
        if token is None:
            return False
        if any(is_one_of(token, known) for known in (*self._everywhere.values(), *self._of_rooms.values())):
            return True
        return self._set_for_rooms is not None and self._set_for_rooms.know(token_digest(token))

    def _that_open(self, room: str, action: Role) -> list[bytes]:
        return self._of_rooms.get((room, action), self._everywhere[action])


def is_one_of(token: bytes | None, expected: Iterable[bytes]) -> bool:
    return any(bool(token and one) and hmac.compare_digest(token or b"", one) for one in expected)


def _set_ones(*tokens: SecretStr) -> list[bytes]:
    return [secret(token).encode() for token in tokens if secret(token)]
