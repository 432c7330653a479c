"""The book of rulings."""

from collections.abc import Callable

from redis.asyncio import Redis

from shared.book.book import Book, Place
from shared.bus import keys
from shared.bus.redis_clock import RedisClock
from shared.errors import ErrorCode
from shared.messages.rulings import Ruling
from shared.rulings.rulings import Rulings

MOST_RULINGS = 10_000  # in the whole cluster


class RulingBook(Book[Ruling]):
    """See `Book`. `changed` is called when other rulings are in force than before."""

    def __init__(
        self, redis: Redis, clock: RedisClock, changed: Callable[[set[str]], None] = lambda _: None
    ) -> None:
        self.rulings = Rulings()
        place = Place(
            keys.RULINGS, keys.RULING_ENDS, keys.RULING_LOG, MOST_RULINGS, ErrorCode.TOO_MANY_RULINGS
        )
        super().__init__(redis, clock, place, self.rulings, changed)
