"""Who may see recordings: everybody where nothing asks for credentials, else admin, global or the room's.

A link in a list carries a signature instead, so that a `<video>` can play it. The key lies in Redis, one for
all control replicas, so that any of them takes what another signed.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import cast
from urllib.parse import urlencode

from redis.asyncio import Redis

from control.auth import Authenticator
from shared.bus import keys
from shared.errors import ServiceError
from shared.messages.signalling import Role
from shared.names import RoomName
from shared.records.records import RecordName
from shared.settings import Settings, secret

LINK_SECONDS = 15 * 60


class RecordAccess:
    def __init__(self, settings: Settings, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self._global = secret(settings.auth_token).encode()
        self._rooms = frozenset(settings.room_tokens)
        # where only single rooms have tokens, the others' recordings are for admins
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


class RecordLinks:
    """Signs links and knows its own again."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def query(self, name: str, now: float) -> str:
        """What makes a URL of `name` good for `LINK_SECONDS`."""
        expires = str(int(now) + LINK_SECONDS)
        return urlencode({"expires": expires, "signature": self._signature(name, expires)})

    def admits(self, name: RecordName, query: Mapping[str, str], now: float) -> bool:
        expires = query.get("expires", "")
        expected, given = self._signature(name.text, expires), query.get("signature", "")
        return hmac.compare_digest(expected.encode(), given.encode()) and int(expires) >= now

    def _signature(self, name: str, expires: str) -> str:
        return hmac.new(self._key, f"{name}\n{expires}".encode(), hashlib.sha256).hexdigest()


async def record_links(redis: Redis) -> RecordLinks:
    """The links of this cluster. May raise `RedisError`."""
    await redis.set(keys.RECORDS_KEY, secrets.token_bytes(32), nx=True)
    return RecordLinks(cast(bytes, await redis.get(keys.RECORDS_KEY)))
