"""What stands in for Redis and for a receiver, and does what a test wants."""

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from math import inf

from control.webhooks.post import Attempt
from shared.events.event_queue import NEW, Backlog, Entry, Place


class Queue:
    """Gives out what is in `new`, once, and remembers what became of it."""

    def __init__(self, *new: Entry) -> None:
        self.new = deque(new)
        self.given: list[str] = []
        self.acknowledged: list[str] = []
        self.buried: dict[str, dict[str, str]] = {}
        self.waits = Backlog(0, None)
        self.place = Place(0, "0-0")

    async def read(self, group: str, after: str, count: int) -> list[Entry]:
        assert count > 0  # to Redis, 0 is no limit
        entries = [self.new.popleft() for _ in range(min(count, len(self.new)))] if after == NEW else []
        self.given += [entry.id for entry in entries]
        return entries

    async def acknowledge(self, group: str, entry: Entry) -> None:
        self.acknowledged.append(entry.id)

    async def bury(self, group: str, entry: Entry, **why: str) -> None:
        self.buried[entry.id] = why

    async def last_read(self, group: str) -> Place:
        return self.place

    async def keep_last_read(self, group: str, before: Place, place: Place) -> Place:
        if before == self.place:
            self.place = place
        return self.place

    async def backlog(self, group: str) -> Backlog:
        return self.waits


class Lease:
    """`left` are the seconds that it has left, `take` what becomes of the next tries to renew it."""

    def __init__(self) -> None:
        self.left = inf
        self.tries: deque[bool | Exception] = deque([True])
        self.is_given_back = False

    async def take(self) -> bool:
        outcome = self.tries.popleft() if len(self.tries) > 1 else self.tries[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def give_back(self) -> None:
        self.is_given_back = True


class Poster:
    """Answers each attempt as `answer` says, and remembers the ids."""

    def __init__(self, answer: Callable[[str], Awaitable[Attempt]]) -> None:
        self.asked: list[str] = []
        self.is_closed = False
        self._answer = answer

    async def post(self, body: bytes, headers: Mapping[str, str]) -> Attempt:
        self.asked.append(headers["webhook-id"])
        return await self._answer(headers["webhook-id"])

    async def close(self) -> None:
        self.is_closed = True
