"""The settings of rooms, on this worker: it follows them as soon as it hears of them."""

from collections.abc import Callable

from media.rooms.policy import Policy
from media.rooms.rooms import Rooms
from media.sessions.end_reason import EndReason
from shared.messages.room_settings import FollowSettings, SettingsFollowed
from shared.names import RoomName
from shared.room_settings.settings_book import SettingsBook
from shared.rpc.request import Handler

LOOK_SECONDS = 1.0


def known_keep_days(policy: Policy, book: SettingsBook) -> Callable[[str], float]:
    """How long a room's recordings stay (0: for ever), as `Recorder` asks, in its threads.

    Until it is known what is set for rooms, nothing is too old: a room may keep its own longer than others.
    """
    return lambda room: policy.keep_days_of(room) if book.read.is_set() else 0.0


class FollowedSettings:
    """`tick` must be called several times a second."""

    def __init__(self, book: SettingsBook, rooms: Rooms) -> None:
        self._book = book
        self._rooms = rooms
        self._look_at = 0.0

    def handlers(self) -> dict[type, Handler]:
        return {FollowSettings: self.follow_now}

    async def follow_now(self, message: FollowSettings) -> SettingsFollowed:
        self._book.take(message.room, message.data)
        await self._book.look()
        return SettingsFollowed()

    def tick(self, now: float) -> None:
        """Close the rooms whose time is over. `now`: of the steady clock."""
        if now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        unix_now = self._book.now()
        for room in self._rooms.shown():
            held = self._book.rooms.held(room.name)
            if held is None or held.document.lifted:
                continue
            if room.started_at < held.document.until <= unix_now:
                self._rooms.close(RoomName(room.name), EndReason.ROOM_CLOSED)
