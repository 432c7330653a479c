"""Sets what holds for single rooms. It holds in this process at once, and everywhere within a second."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from control.workers.redis_watch import RedisWatch
from shared.book.book import LIFTED_SECONDS
from shared.errors import ErrorCode, ServiceError, redis_is_new
from shared.messages.room_settings import RoomSettings
from shared.names import RoomName
from shared.room_settings.settings_book import SettingsBook

LOOK_SECONDS = 0.5
MOST_TRIES = 5  # while others change the same room

Change = Callable[[RoomSettings | None], RoomSettings]  # of what was set before


class RoomConfiguration:
    """A call raises `NO_WORKER` when Redis is away."""

    def __init__(self, book: SettingsBook, watch: RedisWatch) -> None:
        self._book = book
        self._watch = watch

    async def all(self) -> list[RoomSettings]:
        """The settings in force, by room, as they were when Redis was last there."""
        with suppress(ServiceError):
            await self._look()
        return self._book.rooms.all(self._book.now())

    async def of(self, room: RoomName) -> RoomSettings:
        """Raises `SETTINGS_NOT_FOUND`; without Redis, as `all`."""
        with suppress(ServiceError):
            await self._look()
        found = self._book.rooms.of(room, self._book.now())
        if found is None:
            raise ServiceError(ErrorCode.SETTINGS_NOT_FOUND)
        return found

    async def change(self, room: RoomName, change: Change, by: str) -> RoomSettings:
        """Set for a room what `change` makes of what was set before, or raises; returns that."""
        for _ in range(MOST_TRIES):
            await self._look()
            held = self._book.rooms.held(room)
            new = replace(change(self._book.rooms.of(room, self._book.now())), by=by)
            async with self._watch.bounded(LOOK_SECONDS):
                if await self._book.replace(held.stamp if held else b"", new):
                    return new
        raise redis_is_new()

    async def forget(self, room: RoomName, by: str) -> None:
        """Raises `SETTINGS_NOT_FOUND`."""

        def lift(before: RoomSettings | None) -> RoomSettings:
            if before is None:
                raise ServiceError(ErrorCode.SETTINGS_NOT_FOUND)
            return RoomSettings(room=room, until=self._book.now() + LIFTED_SECONDS, lifted=True)

        await self.change(room, lift, by)

    async def _look(self) -> None:
        async with self._watch.bounded(LOOK_SECONDS):
            await self._book.look()
