"""Sets what holds for single rooms. It holds in this process at once, and everywhere within a second."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import fields, replace

from control.workers.every_worker import EveryWorker
from control.workers.redis_watch import RedisWatch
from shared.book.book import LIFTED_SECONDS, Notice
from shared.book.documents import Stamped
from shared.errors import ErrorCode, ServiceError, redis_is_new
from shared.events.event_log import notice
from shared.messages.events import EventType, Facts, RoomEvent
from shared.messages.room_settings import FollowSettings, RoomSettings, SettingsFollowed
from shared.names import RequestId, RoomName
from shared.room_settings.settings_book import SettingsBook

LOOK_SECONDS = 0.5
MOST_TRIES = 5  # while others change the same room

_NAMES = {
    "publish_tokens": "publishTokens",
    "play_tokens": "playTokens",
    "keep_days": "keepDays",
    "note": "recording",
}

Change = Callable[[RoomSettings | None], RoomSettings]  # of what was set before


class RoomConfiguration:
    """A call raises `NO_WORKER` when Redis is away. `tells`: webhooks tell what was changed."""

    def __init__(self, book: SettingsBook, workers: EveryWorker, watch: RedisWatch, *, tells: bool) -> None:
        self._tells = tells
        self._book = book
        self._workers = workers
        self._watch = watch

    async def all(self) -> list[RoomSettings]:
        """The settings in force, by room, as they were when Redis was last there.

        Raises `NO_WORKER` if this process has never read them.
        """
        await self._look_if_possible()
        return self._book.rooms.all(self._book.now())

    async def of(self, room: RoomName) -> RoomSettings:
        """Raises `SETTINGS_NOT_FOUND`; without Redis, as `all`."""
        await self._look_if_possible()
        found = self._book.rooms.of(room, self._book.now())
        if found is None:
            raise ServiceError(ErrorCode.SETTINGS_NOT_FOUND)
        return found

    async def change(self, room: RoomName, change: Change, by: str, request_id: RequestId) -> RoomSettings:
        """Set for a room what `change` makes of what was set before, or raises; returns that.

        It begins with what is held: Redis replaces nothing else. Without a change, it looks first.
        """
        self._book.check_read()
        for tried in range(MOST_TRIES):
            if tried:
                await self._look()
            before = self._book.rooms.of(room, self._book.now())
            try:
                new = replace(change(before), by=by)
            except ServiceError:
                if tried:
                    raise
                continue
            if new == before or (new.lifted and before is None):
                if tried:
                    return new
                continue
            old = before or RoomSettings(room=room)
            changed = _changed(old, new)
            # who repeats what others have set changes no more than `by`
            told = notice(self._event(new, changed)) if self._tells and changed else Notice()
            async with self._watch.bounded(LOOK_SECONDS):
                put = await self._book.replace(self._stamp(room), new, told)
            if put is None:  # somebody else was faster
                continue
            if _recording(old) != _recording(new):
                await self._tell(put, request_id)
            return new
        raise redis_is_new()

    def _stamp(self, room: RoomName) -> bytes:
        """Of what is held for a room, or was lifted there; empty: nothing, or it has ended."""
        held = self._book.rooms.held(room)
        return held.stamp if held is not None and held.document.until > self._book.now() else b""

    async def forget(self, room: RoomName, by: str, request_id: RequestId) -> None:
        """Raises `SETTINGS_NOT_FOUND`."""

        def lift(before: RoomSettings | None) -> RoomSettings:
            if before is None:
                raise ServiceError(ErrorCode.SETTINGS_NOT_FOUND)
            return self.lifted(room)

        await self.change(room, lift, by, request_id)

    def now(self) -> float:
        """Unix time, the same for all processes."""
        return self._book.now()

    def lifted(self, room: RoomName) -> RoomSettings:
        """What is put in the place of settings that are to be forgotten."""
        return RoomSettings(room=room, until=self._book.now() + LIFTED_SECONDS, lifted=True)

    async def _tell(self, put: Stamped[RoomSettings], request_id: RequestId) -> None:
        """Have workers do at once what they would do at their next look."""
        message = FollowSettings(room=put.document.room, data=put.data)
        with suppress(ServiceError):
            await self._workers.order(message, SettingsFollowed, request_id)

    def _event(self, new: RoomSettings, changed: list[str]) -> RoomEvent:
        facts: Facts = {"fields": changed, "title": new.title, "labels": new.labels, "by": new.by}
        return RoomEvent(
            id=f"{new.room}-%s-configured",
            type=EventType.ROOM_CONFIGURED,
            room=new.room,
            at=self.now(),
            worker="",
            facts=facts,
        )

    async def _look_if_possible(self) -> None:
        with suppress(ServiceError):
            await self._look()
        self._book.check_read()

    async def _look(self) -> None:
        async with self._watch.bounded(LOOK_SECONDS):
            await self._book.look()


def _changed(old: RoomSettings, new: RoomSettings) -> list[str]:
    """What was set anew, as the API calls it."""
    names = [one.name for one in fields(RoomSettings) if one.name not in ("by", "lifted")]
    if new.lifted:
        new = RoomSettings(room=new.room)
    return names_in_api(name for name in names if getattr(old, name) != getattr(new, name))


def names_in_api(names: Iterable[str]) -> list[str]:
    """What the API calls these fields of `RoomSettings`."""
    return sorted(_NAMES.get(name, name) for name in names)


def _recording(settings: RoomSettings) -> tuple[object, ...]:
    return settings.recorded, settings.note
