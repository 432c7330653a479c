"""Keeps the directory true: a heartbeat each second, and at once when something changed.

Redis may go away at any time. Media continues; the heartbeat tries again every `AWAY_SECONDS`, and announces
everything as soon as Redis is back.

Of several processes with the same worker id, one has it. It keeps it by its heartbeats; another one waits for
as long as a crashed predecessor's hold may last, and gives up.
"""

import asyncio
from collections.abc import Callable, Iterable
from time import monotonic

from redis.exceptions import RedisError

from shared.bus.directory import Directory, WorkerIdTakenError
from shared.bus.keys import HEARTBEAT_SECONDS, PROCESS_TTL_MS
from shared.logging import get_logger
from shared.messages.status import WorkerStatus
from shared.names import RoomName, WorkerId

AWAY_SECONDS = 0.5  # between tries while Redis is away
TAKEN_SECONDS = 0.2  # between tries while another process has the id ...
PATIENCE_SECONDS = PROCESS_TTL_MS / 1000 + 1.0  # ... and for how long
SETTLE_SECONDS = 2.0  # when Redis comes back: those that had their ids before announce themselves first

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
        self.registered = asyncio.Event()  # set once this process has had the worker's id

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
        """Beat until cancelled, then leave the directory.

        Raises `WorkerIdTakenError` when another process has this worker's id; if `registered` is set, it has
        taken it over.
        """
        try:
            await self._register()
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
        except WorkerIdTakenError:  # the entries are the other's
            raise
        except BaseException:
            await self._leave()
            raise

    async def _register(self) -> None:
        """Beat until this process has the worker's id."""
        refused_at: float | None = None
        while not self.registered.is_set():
            try:
                if self._away:
                    await self._directory.ping()
                    await asyncio.sleep(SETTLE_SECONDS)
                await self._beat()
                if not self._away:
                    self.registered.set()
                    return
            except (RedisError, OSError):  # it is still away
                pass
            except WorkerIdTakenError:
                if refused_at is None:
                    log.warning("another process has this worker's id: waiting", seconds=PATIENCE_SECONDS)
                    refused_at = monotonic()
                elif monotonic() - refused_at > PATIENCE_SECONDS:
                    raise
            await asyncio.sleep(AWAY_SECONDS if self._away else TAKEN_SECONDS)

    async def _beat(self) -> None:
        try:
            lost = await self._directory.beat(self._status(), self._claims())
            async with self._claiming:
                for room in list(self._released):
                    await self._directory.release_room(room, self._worker)
                    self._released.discard(room)
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
