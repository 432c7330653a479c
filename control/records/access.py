"""Who may read recordings: everybody where no credentials are required, otherwise admins and token holders.

The global token opens all recordings, a room's token or a JWT for a room opens those of the room.
"""

import hmac

from control.auth import Authenticator
from shared.errors import ServiceError
from shared.messages.signalling import Role
from shared.names import RoomName
from shared.settings import Settings, secret


class RecordAccess:
    def __init__(self, settings: Settings, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self._global = secret(settings.auth_token).encode()
        self._rooms = frozenset(settings.room_tokens)
        # where only single rooms have tokens, the recordings of the other rooms are for admins
        self._opens_all_rooms = bool(self._global or secret(settings.jwt_secret))

    @property
    def is_open(self) -> bool:
        return not self._authenticator.required

    def may_read(self, room: RoomName, token: bytes | None, now: float) -> bool:
        if self.is_open:
            return True
        if token is None:
            return False
        if self._global and hmac.compare_digest(token, self._global):
            return True
        try:
            self._authenticator.authorise_admin(token, now, room)
        except ServiceError:
            return (room in self._rooms or self._opens_all_rooms) and self._may_play(room, token, now)
        return True

    def _may_play(self, room: RoomName, token: bytes, now: float) -> bool:
        try:
            self._authenticator.authorise(room, Role.PLAY, token, now)
        except ServiceError:
            return False
        return True
