"""Makes rulings, and has every worker obey them before the operator gets an answer."""

from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from control.workers.every_worker import EveryWorker
from control.workers.redis_watch import RedisWatch
from shared.book.book import LIFTED_SECONDS
from shared.book.documents import Stamped
from shared.errors import ErrorCode, ServiceError
from shared.messages.rulings import Block, Obeyed, ObeyRulings, Revocation, Ruling, TokenMark
from shared.names import RequestId, RoomName, WorkerId
from shared.rulings.ruling_book import RulingBook

LOOK_SECONDS = 0.5


class Obedience(NamedTuple):
    """What came of a ruling at once: sessions that ended, and workers that did not answer.

    Those obey when Redis reaches them again. Until then they serve who was there.
    """

    sessions: int
    unreached: list[WorkerId]


class Moderator:
    """A call that makes a ruling raises `NO_WORKER` when Redis is away: nobody knows then who obeys it."""

    def __init__(self, book: RulingBook, workers: EveryWorker, watch: RedisWatch) -> None:
        self._book = book
        self._workers = workers
        self._watch = watch

    def check(self, room: RoomName) -> None:
        """Raises `ROOM_BLOCKED`, with the operator's reason; `NO_WORKER` while no block was read yet."""
        self._book.check_read()
        if block := self._book.rulings.block_of(room, self._book.now()):
            raise ServiceError(ErrorCode.ROOM_BLOCKED, detail=block.reason or None)

    def blocked(self, room: str) -> str | None:
        """The operator's reason, which may be empty; None: the room is not blocked, as far as is known."""
        block = self._book.rulings.block_of(room, self._book.now())
        return None if block is None else block.reason

    async def block(
        self, room: RoomName, seconds: float, reason: str, by: str, request_id: RequestId
    ) -> tuple[Block, Obedience]:
        """Block a room, which need not exist; returns that, and who obeys it."""
        await self._look_or_fail()
        block = Block(room=room, until=self._book.now() + seconds, reason=reason, by=by)
        return block, await self._obey(await self._put(block), request_id)

    async def lift(self, room: RoomName, by: str, request_id: RequestId) -> None:
        """Lift a block; raises `RULING_NOT_FOUND`."""
        await self._look_or_fail()
        self._book.check_read()
        block = self._book.rulings.block_of(room, self._book.now())
        if block is None:
            raise ServiceError(ErrorCode.RULING_NOT_FOUND)
        until = self._book.now() + LIFTED_SECONDS
        lifted = await self._put(replace(block, until=until, by=by, lifted=True))
        await self._obey_later(lifted, request_id)

    async def blocks(self) -> list[Block]:
        """The blocks in force, by room, as they were when Redis was last there.

        Raises `NO_WORKER` if this process has never read them.
        """
        await self._look()
        return self._book.rulings.blocks(self._book.now())

    async def revoke(
        self, mark: TokenMark, seconds: float, by: str, request_id: RequestId
    ) -> tuple[Revocation, Obedience]:
        """Revoke JWTs; returns that, and who obeys it.

        One field of `mark` is set; `issued_at` is the time before which the JWTs were issued.
        """
        await self._look_or_fail()
        now = self._book.now()
        revocation = Revocation(
            jti=mark.jti,
            subject=mark.subject,
            issued_before=mark.issued_at,
            at=now,
            until=now + seconds,
            by=by,
        )
        return revocation, await self._obey(await self._put(revocation), request_id)

    async def lift_revocation(self, revocation: str, by: str, request_id: RequestId) -> None:
        """Raises `RULING_NOT_FOUND`."""
        await self._look_or_fail()
        self._book.check_read()
        now = self._book.now()
        held = self._book.rulings.revocation(revocation, now)
        if held is None:
            raise ServiceError(ErrorCode.RULING_NOT_FOUND)
        lifted = await self._put(replace(held, at=now, until=now + LIFTED_SECONDS, by=by, lifted=True))
        await self._obey_later(lifted, request_id)

    async def revocations(self) -> list[Revocation]:
        """The revocations in force, by id; as `blocks`."""
        await self._look()
        return self._book.rulings.revocations(self._book.now())

    async def _put(self, ruling: Ruling) -> Stamped[Ruling]:
        async with self._watch.bounded(LOOK_SECONDS):
            return await self._book.put(ruling)

    async def _look(self) -> None:
        """Take what is new. Without Redis, the rulings that are held count."""
        with suppress(ServiceError):
            await self._look_or_fail()
        self._book.check_read()

    async def _look_or_fail(self) -> None:
        """Know what is in force, and the time. A Redis that has come back empty gets what it lacks."""
        async with self._watch.bounded(LOOK_SECONDS):
            await self._book.look()

    async def _obey(self, ruling: Stamped[Ruling], request_id: RequestId) -> Obedience:
        order = ObeyRulings(name=ruling.document.name, data=ruling.data)
        obeyed, unreached = await self._workers.order(order, Obeyed, request_id)
        return Obedience(sum(reply.sessions for reply in obeyed), unreached)

    async def _obey_later(self, ruling: Stamped[Ruling], request_id: RequestId) -> None:
        """Have workers obey now what they may as well obey at their next look."""
        with suppress(ServiceError):
            await self._obey(ruling, request_id)
