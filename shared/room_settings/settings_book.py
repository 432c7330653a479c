"""The book of rooms' settings, and what this process holds of it."""

from collections import Counter
from collections.abc import Callable

from redis.asyncio import Redis

from shared.book.book import Book, Place
from shared.book.documents import Documents, in_force
from shared.bus import keys
from shared.bus.redis_clock import RedisClock
from shared.errors import ErrorCode
from shared.messages.encoding import DecodeError, read
from shared.messages.room_settings import RoomSettings
from shared.messages.signalling import Role
from shared.names import checked_room, parse_room_name

MOST_ROOMS = 10_000  # in the whole cluster


def read_settings(name: str, body: bytes) -> RoomSettings:
    """The settings of a room as they are packed; raises `DecodeError`."""
    if parse_room_name(name) is None:
        raise DecodeError("not the name of a room")
    return read(RoomSettings, body)


class AllSettings(Documents[RoomSettings]):
    def __init__(self) -> None:
        super().__init__(read_settings)
        self.tokens: Counter[bytes] = Counter()  # of rooms, by digest

    def all(self, now: float) -> list[RoomSettings]:
        """The settings in force, by room."""
        found = (in_force(held.document, now) for held in self._held.values())
        return sorted((one for one in found if one is not None), key=lambda one: one.room)

    def of(self, room: str, now: float) -> RoomSettings | None:
        held = self._held.get(room)
        return in_force(held.document, now) if held else None

    def _came(self, document: RoomSettings) -> None:
        if not document.lifted:
            self.tokens.update(_tokens(document))

    def _left(self, document: RoomSettings) -> None:
        if not document.lifted:
            for digest in _tokens(document):  # `Counter` itself would look at those of all rooms
                self.tokens[digest] -= 1
                if not self.tokens[digest]:
                    del self.tokens[digest]


class SettingsBook(Book[RoomSettings]):
    """See `Book`. `changed` is called with the names of rooms whose settings are other ones than before."""

    def __init__(
        self,
        redis: Redis,
        clock: RedisClock,
        changed: Callable[[set[str]], None] = lambda _: None,
        is_settled: Callable[[], bool] = lambda: True,
    ) -> None:
        self.rooms = AllSettings()
        place = Place(
            keys.SETTINGS, keys.SETTINGS_ENDS, keys.SETTINGS_LOG, MOST_ROOMS, ErrorCode.TOO_MANY_SETTINGS
        )
        super().__init__(redis, clock, place, self.rooms, changed, is_settled)

    def of(self, room: str) -> RoomSettings:
        """What is in force for a room; for the check of a line, of the room that it is made for."""
        name = checked_room(room)
        return self.rooms.of(name, self.now()) or RoomSettings(room=name)

    # --- what the control plane asks: each raises `NO_WORKER` until the book was read once

    def is_listed(self, room: str) -> bool:
        """Whether lists show the room to callers who do not know its name."""
        self.check_read()
        settings = self.rooms.of(room, self.now())
        return settings is None or settings.listed

    def tokens(self, room: str, action: Role) -> tuple[bytes, ...]:
        """The digests of the tokens that open a room."""
        self.check_read()
        settings = self.rooms.of(room, self.now())
        if settings is None:
            return ()
        return settings.publish_tokens if action is Role.PUBLISH else settings.play_tokens

    def know(self, digest: bytes) -> bool:
        """Whether this token opens any room."""
        self.check_read()
        return digest in self.rooms.tokens

    def title(self, room: str) -> str:
        self.check_read()
        settings = self.rooms.of(room, self.now())
        return "" if settings is None else settings.title

    @property
    def any_tokens(self) -> bool:
        """Whether a token is set for any room."""
        self.check_read()
        return bool(self.rooms.tokens)


def _tokens(settings: RoomSettings) -> tuple[bytes, ...]:
    return settings.publish_tokens + settings.play_tokens
