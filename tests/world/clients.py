"""Who uses a simulated cluster: encoders that retry, viewers, operators, and a receiver of webhooks."""

import asyncio
import json
import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from control.webhooks.post import Attempt, Outcome
from media.sessions.end_reason import EndReason
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER
from tests.world.clock import clock
from tests.world.hosts import Hosts
from tests.world.plane_processes import ADMIN, Answer, ControlProcess
from tests.world.sessions import PublisherStandIn, ViewerStandIn
from tests.world.story import Story

if TYPE_CHECKING:
    from tests.world.invariants import Invariants

ANSWER_SECONDS = 5.0
SDP = {"content-type": "application/sdp"}
OPERATOR = {"content-type": "application/json", "authorization": f"Bearer {ADMIN}"}
UNHEARD_SECONDS = 4.0  # until a client gives its session up
HEAR_SECONDS = 0.5


class Net:
    """The way of all clients to control."""

    def __init__(self, hosts: Hosts, chance: random.Random) -> None:
        self._hosts = hosts
        self._chance = chance

    async def ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer | None:
        """Ask one of the control processes. None: no answer in time."""
        control = self._chance.choice(self._hosts.controls).plane
        assert isinstance(control, ControlProcess)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await control.request(method, path, body, headers)
        except TimeoutError:
            return None


def _session_id(answer: Answer) -> str:
    return answer.headers["location"].rpartition("/")[2]


class Encoder:
    """Publishes in one room for about `stay` seconds, and retries for ever.

    `session` is what it streams to now.
    """

    def __init__(
        self, name: str, room: str, stay: float, net: Net, story: Story, chance: random.Random
    ) -> None:
        self.name = name
        self.room = room
        self._stay = stay
        self.stays = False  # otherwise it leaves when it likes
        self.session: PublisherStandIn | None = None
        self._net = net
        self._story = story
        self._chance = chance

    @property
    def streams(self) -> bool:
        """Whether media flows from here to a worker."""
        session = self.session
        return session is not None and session.is_served and not session.process.is_paused

    async def run(self, watch: "Invariants") -> None:
        while True:
            answer = await self._net.ask("POST", f"/api/whip/publish/{self.room}", PUBLISH_OFFER, SDP)
            if answer is not None and answer.status == 201:
                session = PublisherStandIn.by_id[_session_id(answer)]
                assert isinstance(session, PublisherStandIn)
                await self._stream(session, watch)
            await asyncio.sleep(self._chance.uniform(0.2, 1.5))

    async def _stream(self, session: PublisherStandIn, watch: "Invariants") -> None:
        worker = session.process
        self._story.tell(self.name, f"publishes {self.room} at {worker.name}")
        await asyncio.sleep(self._chance.uniform(0.02, 0.3))
        worker.call(session.come)
        self.session = session
        heard_at, leaves_at = clock.now, clock.now + self._chance.expovariate(1 / self._stay)
        while not session.ended and clock.now - heard_at < UNHEARD_SECONDS:
            if worker.is_alive and not worker.is_paused:
                heard_at = clock.now
                worker.call(session.hear)
            if clock.now > leaves_at and not self.stays:
                self._story.tell(self.name, f"leaves {self.room}")
                self.session = None
                await self._net.ask("DELETE", f"/api/whip/publish/{self.room}/{session.id}", b"", {})
                return
            await asyncio.sleep(HEAR_SECONDS)
        self.session = None
        self._story.tell(self.name, f"lost {worker.name}: {session.why if session.ended else 'silence'}")
        if session.ended and session.why is EndReason.ROOM_LOST:
            watch.robbed(self, worker.name)


class Viewer:
    """Comes to one room, stays for a while, and comes again."""

    def __init__(self, name: str, room: str, net: Net, chance: random.Random) -> None:
        self.name = name
        self.room = room
        self._net = net
        self._chance = chance

    async def run(self, watch: "Invariants") -> None:
        while True:
            await asyncio.sleep(self._chance.uniform(0.3, 2.0))
            asked_at = clock.now
            answer = await self._net.ask("POST", f"/api/whep/play/{self.room}", PLAY_OFFER, SDP)
            if answer is not None and answer.status == 404:
                watch.not_found(self, asked_at)
            if answer is not None and answer.status == 201:
                await self._play(ViewerStandIn.by_id[_session_id(answer)])

    async def _play(self, session: PublisherStandIn | ViewerStandIn) -> None:
        session.process.call(session.come)
        until = clock.now + self._chance.uniform(0.5, 6.0)
        while clock.now < until and not session.ended and session.process.is_alive:
            session.process.call(session.hear)
            await asyncio.sleep(HEAR_SECONDS)
        if self._chance.random() < 0.7:
            await self._net.ask("DELETE", f"/api/whep/play/{self.room}/{session.id}", b"", {})


class Operator:
    """Blocks, closes and drains."""

    def __init__(self, rooms: list[str], net: Net, story: Story, chance: random.Random) -> None:
        self._rooms = rooms
        self._net = net
        self._story = story
        self._chance = chance

    async def run(self, watch: "Invariants", hosts: Hosts) -> None:
        while True:
            await asyncio.sleep(self._chance.uniform(1.0, 8.0))
            room = self._chance.choice(self._rooms)
            act = self._chance.random()
            if act < 0.6:
                await self.block(room, self._chance.randint(2, 9), watch)
            elif act < 0.8:
                watch.lifting(room)
                if await self._act("lifts", "DELETE", f"/api/admin/blocks/{room}") is None:
                    watch.may_be_lifted_late(room)
            elif act < 0.9:
                await self._act("closes", "POST", f"/api/admin/rooms/{room}/close")
            else:
                worker = self._chance.choice(hosts.workers).name
                await self._act("drains", "POST", f"/api/admin/workers/{worker}/drain")

    async def block(self, room: str, seconds: int, watch: "Invariants") -> None:
        watch.lifting(room)  # without an answer, nobody knows which of two blocks is in force
        order = json.dumps({"block": seconds}).encode()
        answer = await self._act("blocks", "POST", f"/api/admin/rooms/{room}/close", order)
        if answer is not None and answer.status == 200:
            told = json.loads(answer.body)
            watch.blocked(room, told["until"], told["unreached"], answer.by)

    async def _act(self, verb: str, method: str, path: str, body: bytes = b"") -> Answer | None:
        answer = await self._net.ask(method, path, body, OPERATOR)
        said = "no answer" if answer is None else f"{answer.status} {answer.body.decode()}"
        self._story.tell("operator", f"{verb} {path.rpartition('admin/')[2]}: {said}")
        return answer


class Receiver:
    """Takes webhooks, unless it is down. `delivered` are the ids of events that it has taken."""

    def __init__(self, chance: random.Random) -> None:
        self.is_down = False
        self.delivered: set[str] = set()
        self._chance = chance

    async def post(self, _body: bytes, headers: Mapping[str, str]) -> Attempt:
        await asyncio.sleep(self._chance.uniform(0.001, 0.1))
        if self.is_down:
            return Attempt(Outcome.FAILED, "down")
        self.delivered.add(headers["webhook-id"])
        await asyncio.sleep(self._chance.uniform(0.001, 0.1))  # its answer may get lost
        return Attempt(Outcome.DELIVERED) if self._chance.random() < 0.97 else Attempt(Outcome.FAILED, "lost")
