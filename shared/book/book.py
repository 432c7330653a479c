"""A book of documents in Redis, and this process' copy of them, which is in force also while Redis is away.

A look costs one HGET: the version is the last entry of the book's log. When that has changed, what is new is
read from the log. Who puts a document hears which version it has made of which, and so need not look. If the
log does not continue from what is held, the whole book is read, and what it lacks is written back: so a Redis
that comes back empty, or with an older state, gets the documents of every process that lives. Of two
documents of one name the later one stays, whoever writes when.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, Generic, NamedTuple, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.beat import beat
from shared.book.documents import D, Documents, Stamped, read_stamped
from shared.bus.batch import Call, called
from shared.bus.redis_clock import RedisClock
from shared.errors import ErrorCode, ServiceError, redis_away, redis_is_new
from shared.messages.encoding import DecodeError, encode
from shared.telemetry.logging import get_logger

LOOK_SECONDS = 1.0  # for workers that were told of a new document, and missed it
SWEEP_SECONDS = 60.0
ENDED_SECONDS = 10.0  # for which one that has ended is kept, for those who have to notice that
LIFTED_SECONDS = 3600.0  # for which a lifted document is kept: a process may have been without Redis
_LOG_ENTRIES = 1000
_LOG_SECONDS = 3600
_AT_ONCE = 100  # documents in one round trip
_VERSION = "@"  # no document has this name

log = get_logger()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a book is in Redis, and what it may hold. `full` is raised when it holds `most` documents."""

    book: str
    ends: str
    log: str
    most: int
    full: ErrorCode


@dataclass(frozen=True, slots=True)
class Notice:
    """Keys and arguments of `put_documents.lua` that tell others of a document, in the same step."""

    keys: Sequence[str] = ()
    args: Sequence[Any] = ()


_NOBODY = Notice()


class _Put(NamedTuple):
    """What Redis has done with documents: see `put_documents.lua`."""

    taken: int
    before: str
    version: str
    stamp: bytes


class Book(Generic[D]):
    """`run` must be running. `changed` is called with the names of documents that are held anew.

    While `is_settled` is false, Redis may lack documents that other processes are about to write back: such a
    look does not count as the first complete one.
    """

    def __init__(
        self,
        redis: Redis,
        clock: RedisClock,
        place: Place,
        documents: Documents[D],
        changed: Callable[[set[str]], None] = lambda _: None,
        is_settled: Callable[[], bool] = lambda: True,
    ) -> None:
        self.read = asyncio.Event()  # set once the whole book was read
        self.known_at = monotonic()  # until then all documents were known
        self._redis = redis
        self._clock = clock
        self._place = place
        self._documents = documents
        self._changed = changed
        self._is_settled = is_settled
        self._version: str | None = None  # None: not read yet; "": the book is empty
        self._news: set[str] = set()  # names of what was taken, and nobody was told yet
        self._looking = asyncio.Lock()
        self._asked = self._served = 0  # calls of `look`, and those that a look has served
        self._swept_at = monotonic()

    def now(self) -> float:
        """Unix time by Redis' clock, by which documents end; this host's before the first `look`."""
        return self._clock.now()

    async def run(self) -> None:
        while True:
            try:
                await self.look()
            except (RedisError, OSError):  # what is held stays in force
                pass
            except Exception:
                log.exception("a book was not read", book=self._place.book)
            if monotonic() - self._swept_at >= SWEEP_SECONDS:
                self._swept_at = monotonic()
                self._documents.forget_ended(self.now() - ENDED_SECONDS)
            await beat(LOOK_SECONDS)

    def check_read(self) -> None:
        """Raise `NO_WORKER` until the whole book was read once: a missing document may exist until then."""
        if not self.read.is_set():
            raise redis_away()

    async def first_look(self) -> None:
        """Read the book before anything is asked of it; without Redis, it stays unread."""
        with suppress(RedisError, OSError):
            await self.look()

    async def look(self) -> None:
        """Hold what Redis holds now, and give Redis what it lacks. May raise `RedisError`.

        Calls that wait for another look share the next one.
        """
        self._asked += 1
        mine = self._asked
        async with self._looking:
            if mine <= self._served:
                return
            asked = self._asked
            began, settled = monotonic(), self._is_settled()
            try:
                [found] = await self._clock.read(("HGET", self._place.book, _VERSION))
                version = _text(found)
                if version != self._version and not await self._follow(version):
                    await self._read_all()
                if settled:
                    self.read.set()
                self.known_at = began
                self._served = asked
            finally:
                self._tell_news()

    async def put(self, document: D) -> Stamped[D]:
        """Put a document in force, here at once; returns what is held then.

        Raises `full`, or `NO_WORKER` when Redis lost the document at once; may raise `RedisError`.
        """
        held = await self._put_one(document, b"")
        assert held is not None
        return held

    async def replace(self, stamp: bytes, document: D, notice: Notice = _NOBODY) -> Stamped[D] | None:
        """`put`, in the place of what has this stamp (empty: of nothing); None: another one is there."""
        return await self._put_one(document, b"=" + stamp, notice)

    async def _put_one(self, document: D, stamp: bytes, notice: Notice = _NOBODY) -> Stamped[D] | None:
        name, body = document.name, encode(document)
        before = self._documents.held(name)
        put = await self._put({name: (stamp, document.until, body)}, notice)
        if put.taken < 0:
            detail = f"there are {self._place.most} of them, with those that were lifted in the last hour"
            raise ServiceError(self._place.full, detail=detail)
        if put.taken and put.before == self._version:
            self.take(name, put.stamp + body)
            self._version = put.version
            self._tell_news()
        else:  # others have put something that is not known here
            await self.look()
        if not put.taken:
            return None
        held = self._documents.held(name)
        if held is None or (before is not None and held.stamp == before.stamp):
            raise redis_is_new()
        return held

    def _tell_news(self) -> None:
        if self._news:
            news, self._news = self._news, set()
            self._changed(news)

    def take(self, name: str, data: bytes) -> None:
        """Take a document as it is in Redis, from whoever has it. It is in force from the next look on."""
        try:
            if self._documents.take(name, read_stamped(name, data, self._documents.read)):
                self._news.add(name)
        except DecodeError as error:  # of another version, perhaps
            log.warning("a document cannot be read", book=self._place.book, error=str(error))

    async def _follow(self, version: str) -> bool:
        """Take what is new in the log; returns whether it continues from what is held until `version`."""
        if not version or not self._version:
            return False
        at, follows, more = self._version, False, True  # meanwhile what is put here makes versions, too
        while more:
            new = cast(list[Any], await self._redis.xrange(self._place.log, f"({at}", count=_AT_ONCE))
            for entry, fields in new:
                if _text(fields.get(b"before")) != at:
                    return False
                self.take(_text(fields.get(b"name")), fields.get(b"document") or b"")
                at, follows = _text(entry), True
            more = len(new) == _AT_ONCE
        self._version = at
        return follows

    async def _read_all(self) -> None:
        # read before the documents: what is put meanwhile is read again
        version = _text(await self._redis.hget(self._place.book, _VERSION))
        names = [_text(name) for name in await self._redis.zrange(self._place.ends, 0, -1)]
        found: dict[str, bytes] = {}
        for some in _chunks(names):
            values = cast(list[bytes | None], await self._redis.hmget(self._place.book, some))
            for name, value in zip(some, values, strict=True):
                if value is not None:
                    found[name] = value
                    self.take(name, value)
        put = await self._write_back(self._documents.later_than(found, self.now()))
        # not yet the version of what was put: Redis may lose that before the next look, and be as it was
        self._version = None if put else version

    async def _write_back(self, lacking: dict[str, Stamped[D]]) -> int:
        """Give Redis the documents that it lacks; returns how many it has taken."""
        all_put = 0
        for some in _chunks(list(lacking)):
            put = await self._put(
                {
                    name: (lacking[name].stamp, lacking[name].document.until, lacking[name].body)
                    for name in some
                }
            )
            if put.taken > 0:
                all_put += put.taken
                log.info("documents written back to Redis", book=self._place.book, count=put.taken)
        return all_put

    async def _put(
        self, documents: dict[str, tuple[bytes | str, float, bytes]], notice: Notice = _NOBODY
    ) -> _Put:
        flat = [
            part for name, (stamp, until, body) in documents.items() for part in (name, stamp, until, body)
        ]
        place = self._place
        of_book = [place.most, _LOG_ENTRIES, _LOG_SECONDS]
        names = [place.book, place.ends, place.log, *notice.keys]
        put = Call("put_documents", names, [*of_book, len(notice.args), *notice.args, *flat])
        taken, before, version, stamp = await called(self._redis, put)
        return _Put(taken, _text(before), _text(version), stamp)


def _chunks(names: list[str]) -> Collection[list[str]]:
    return [names[first : first + _AT_ONCE] for first in range(0, len(names), _AT_ONCE)]


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else ""
