"""The rulings in Redis, and this process' copy of them, which is in force also while Redis is away.

A look costs one HGET: the version is the last entry of the log of rulings. When that has changed, what is new
is read from the log. If the log does not continue from what is held, the whole book is read, and what it
lacks is written back: so a Redis that comes back empty, or with an older state, gets the rulings of every
process that lives. Of two rulings of one name the later one stays, whoever writes when.
"""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from time import monotonic
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.beat import beat
from shared.bus import keys
from shared.bus.batch import Batch
from shared.bus.redis_clock import RedisClock
from shared.errors import ErrorCode, ServiceError, redis_is_new
from shared.messages.encoding import encode
from shared.messages.rulings import Ruling
from shared.rulings.rulings import RulingError, Rulings, Stamped, read_stamped
from shared.telemetry.logging import get_logger

LOOK_SECONDS = 1.0  # for workers that were told of a new ruling, and missed it
MOST_RULINGS = 10_000  # in the whole cluster
SWEEP_SECONDS = 60.0
_LOG_ENTRIES = 1000
_LOG_SECONDS = 3600
_AT_ONCE = 100  # rulings in one round trip
_VERSION = "@"  # no ruling has this name
_KEYS = [keys.RULINGS, keys.RULING_ENDS, keys.RULING_LOG]

log = get_logger()


class RulingBook:
    """`run` must be running. `changed` is called when other rulings are in force than before."""

    def __init__(self, redis: Redis, clock: RedisClock, changed: Callable[[], None] = lambda: None) -> None:
        self.rulings = Rulings()
        self.read = asyncio.Event()  # set once the book was read
        self.known_at = monotonic()  # until then all rulings were known
        self._redis = redis
        self._clock = clock
        self._changed = changed
        self._version: str | None = None  # None: not read yet; "": the book is empty
        self._is_news = False  # something was taken, and nobody was told yet
        self._looking = asyncio.Lock()
        self._swept_at = monotonic()

    def now(self) -> float:
        """Unix time by Redis' clock, which decides when rulings end; this host's before the first `look`."""
        return self._clock.now()

    async def run(self) -> None:
        while True:
            try:
                await self.look()
            except (RedisError, OSError):  # what is held stays in force
                pass
            except Exception:
                log.exception("the rulings were not read")
            if monotonic() - self._swept_at >= SWEEP_SECONDS:
                self._swept_at = monotonic()
                self.rulings.forget_ended(self.now())
            await beat(LOOK_SECONDS)

    async def first_look(self) -> None:
        """Read the book before anything is asked of it; without Redis, begin with none."""
        with suppress(RedisError, OSError):
            await self.look()

    async def look(self) -> None:
        """Hold what Redis holds now, and give Redis what it lacks. May raise `RedisError`."""
        async with self._looking:
            began = monotonic()
            await self._clock.freshen()
            try:
                version = _text(await self._redis.hget(keys.RULINGS, _VERSION))
                if version != self._version and not await self._follow(version):
                    await self._read_all()
                self.read.set()
                self.known_at = began
            finally:
                if self._is_news:
                    self._is_news = False
                    self._changed()

    async def put(self, ruling: Ruling) -> Stamped:
        """Put a ruling in force, here at once; returns what is held then.

        Raises `TOO_MANY_RULINGS`, or `NO_WORKER` when Redis lost the ruling at once; may raise `RedisError`.
        """
        if await self._put({ruling.name: ("", ruling.until, encode(ruling))}) < 0:
            detail = f"there are {MOST_RULINGS} of them: lift some"
            raise ServiceError(ErrorCode.TOO_MANY_RULINGS, detail=detail)
        await self.look()
        held = self.rulings.held(ruling.name)
        if held is None or held.ruling != ruling:
            raise redis_is_new()
        return held

    def take(self, name: str, data: bytes) -> None:
        """Take a ruling as it is in Redis, from whoever has it. It is in force from the next look on."""
        self._take(name, data)

    async def _follow(self, version: str) -> bool:
        """Take what is new in the log; returns whether it continues from what is held until `version`."""
        if not version or not self._version:
            return False
        follows, more = False, True
        while more:
            after = f"({self._version}"
            new = cast(list[Any], await self._redis.xrange(keys.RULING_LOG, after, count=_AT_ONCE))
            for entry, fields in new:
                if _text(fields.get(b"before")) != self._version:
                    return False
                self._take(_text(fields.get(b"name")), fields.get(b"ruling") or b"")
                self._version, follows = _text(entry), True
            more = len(new) == _AT_ONCE
        return follows

    async def _read_all(self) -> None:
        # read before the rulings: what is put meanwhile is read again
        version = _text(await self._redis.hget(keys.RULINGS, _VERSION))
        names = [_text(name) for name in await self._redis.zrange(keys.RULING_ENDS, 0, -1)]
        found: dict[str, bytes] = {}
        for some in _chunks(names):
            values = cast(list[bytes | None], await self._redis.hmget(keys.RULINGS, some))
            for name, value in zip(some, values, strict=True):
                if value is not None:
                    found[name] = value
                    self._take(name, value)
            await asyncio.sleep(0)
        put = await self._write_back(self.rulings.later_than(found, self.now()))
        # not yet the version of what was put: Redis may lose that before the next look, and be as it was
        self._version = None if put else version

    async def _write_back(self, lacking: dict[str, Stamped]) -> int:
        """Give Redis the rulings that it lacks; returns how many it has taken."""
        all_put = 0
        for some in _chunks(list(lacking)):
            put = await self._put(
                {name: (lacking[name].stamp, lacking[name].ruling.until, lacking[name].body) for name in some}
            )
            if put > 0:
                all_put += put
                log.info("rulings written back to Redis", rulings=put)
        return all_put

    async def _put(self, rulings: dict[str, tuple[bytes | str, float, bytes]]) -> int:
        batch = Batch(self._redis)
        flat = [part for name, (stamp, until, body) in rulings.items() for part in (name, stamp, until, body)]
        batch.call("put_rulings", _KEYS, [MOST_RULINGS, _LOG_ENTRIES, _LOG_SECONDS, *flat])
        return cast(int, (await batch.execute())[0])

    def _take(self, name: str, data: bytes) -> None:
        try:
            self._is_news |= self.rulings.take(name, read_stamped(name, data))
        except RulingError as error:  # of another version, perhaps
            log.warning("a ruling cannot be read", reason=str(error))


def _chunks(names: list[str]) -> Collection[list[str]]:
    return [names[first : first + _AT_ONCE] for first in range(0, len(names), _AT_ONCE)]


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else ""
