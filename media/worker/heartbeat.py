"""Keeps the directory true: a heartbeat each second, and at once when something changed.

Redis may go away at any time. Media continues; the heartbeat tries again every `AWAY_SECONDS`, and announces
everything as soon as Redis is back.
"""

import asyncio
from collections.abc import Callable, Iterable

from redis.exceptions import RedisError

from shared.bus.directory import Directory
from shared.bus.keys import HEARTBEAT_SECONDS
from shared.logging import get_logger
from shared.messages.status import WorkerStatus
from shared.names import RoomName, WorkerId

AWAY_SECONDS = 0.5  # between tries while Redis is away

log = get_logger()


class Heartbeat:
    """Owns this worker's entries in the directory.

    `status` and `claims` are called at each beat. `lost` is called with each room that another worker owns
    now.
    """

    def __init__(
        self,
        directory: Directory,
        worker: WorkerId,
        status: Callable[[], WorkerStatus],
        claims: Callable[[], Iterable[RoomName]],
        lost: Callable[[RoomName], None],
    ) -> None:
        self._directory = directory
        self._worker = worker
        self._status = status
        self._claims = claims
        self._lost = lost
        self._released: set[RoomName] = set()
        self._networks: dict[RoomName, str] = {}  # of the claimed rooms
        self._claiming = asyncio.Lock()  # a release under way must not undo a claim that comes after it
        self._wake = asyncio.Event()
        self._next: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._away = False

    async def claim(self, room: RoomName, network: str) -> bool:
        """Claim a room for this worker and a publisher of `network`; False if another worker holds it.

        Raises `RedisError` or `OSError`, or `ServiceError` if there are too many rooms.
        """
        async with self._claiming:
            self._released.discard(room)
            claimed = await self._directory.claim_room(room, self._worker, network) == self._worker
        if claimed:
            self._networks[room] = network
        return claimed

    def counts_for(self, room: RoomName) -> str | None:
        """The network for whose publisher this worker has claimed the room; None if it has not."""
        return self._networks.get(room)

    def release(self, room: RoomName) -> None:
        """Release a room's claim with the next beat, which is sent at once."""
        self._released.add(room)
        self._networks.pop(room, None)
        self._wake.set()

    def wake(self) -> None:
        """Beat at once: something changed."""
        self._wake.set()

    async def flush(self) -> None:
        """Wait until a beat with the present state was sent, or has failed because Redis is away."""
        self._wake.set()
        await asyncio.shield(self._next)

    async def run(self) -> None:
        """Beat until cancelled, then leave the directory."""
        try:
            while True:
                self._wake.clear()
                beaten, self._next = self._next, asyncio.get_running_loop().create_future()
                await self._beat()
                beaten.set_result(None)
                try:
                    async with asyncio.timeout(AWAY_SECONDS if self._away else HEARTBEAT_SECONDS):
                        await self._wake.wait()
                except TimeoutError:
                    pass
        finally:
            await self._leave()

    async def _beat(self) -> None:
        try:
            async with self._claiming:
                for room in list(self._released):
                    await self._directory.release_room(room, self._worker)
                    self._released.discard(room)
            lost = await self._directory.beat(self._status(), self._claims())
        except (RedisError, OSError) as error:
            if not self._away:
                log.error("redis is away: new offers fail, media continues", error=type(error).__name__)
            self._away = True
            return
        if self._away:
            log.info("redis is back")
            self._away = False
        for room in lost:
            self._lost(room)

    async def _leave(self) -> None:
        try:
            async with asyncio.timeout(1.0):
                for room in [*self._released, *self._claims()]:
                    await self._directory.release_room(room, self._worker)
                await self._directory.leave(self._worker)
        except (RedisError, OSError, TimeoutError):  # the heartbeat expires by itself
            log.warning("could not leave the directory")
