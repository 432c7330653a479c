"""Edges come, drain and die at random: whoever is left plays on, in the same session."""

import asyncio
from random import Random

import pytest

from media.relay.edge_relay import ORIGIN_SILENT_SECONDS
from media.relay.tiers import LAST_TIER
from shared.names import WorkerId
from tests.integration.cluster.net import ONE, Net, Worker, running_net
from tests.integration.cluster.test_tiers_life import lost, parents
from tests.support.peer import IN_TIME, Peer
from tests.support.waiting import eventually

EDGES = 6  # at least
MAX_EDGES = 2
STEPS = 40


class Chaos:
    """Edges with a viewer each."""

    def __init__(self, net: Net, seed: int) -> None:
        self.net = net
        self.chance = Random(seed)
        self.viewers: dict[WorkerId, Peer] = {}  # also of edges that are gone

    @property
    def edges(self) -> list[WorkerId]:
        return [name for name in self.viewers if name in self.net.workers]

    async def step(self, number: int) -> None:
        if len(self.edges) < EDGES or self.chance.random() < 0.3:
            await self._come(WorkerId(f"e{number}"))
        elif self.chance.random() < 0.5:
            await self._die(self.chance.choice(self.edges))
        else:
            await self._leave(self.chance.choice(self.edges))
        for name in self.edges:
            await self.viewers[name].check()  # a viewer's consent would expire: time passes fast

    async def _come(self, name: WorkerId) -> None:
        worker = self.net.workers[name] = Worker(name, self.net, max_edges=MAX_EDGES)
        self.viewers[name] = await worker.play(ONE)

    async def _die(self, name: WorkerId) -> None:
        self.net.workers[name].die()
        for _ in range(5):  # the others hear of each other meanwhile
            self.net.pass_time(ORIGIN_SILENT_SECONDS / 4)
            await asyncio.sleep(0.05)

    async def _leave(self, name: WorkerId) -> None:
        self.net.workers[name].plane.origin.leave(True)

        def is_left() -> bool:
            return name not in {by for by, _ in parents(self.net).values()}

        await eventually("all have left it", is_left, IN_TIME)
        await self.net.workers[name].stop()

    async def end(self) -> None:
        for name in self.edges:
            await self.net.workers[name].stop()
        for viewer in self.viewers.values():
            viewer.close()


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(5))
async def test_whoever_is_left_plays_on(seed: int) -> None:
    async with running_net(ONE, max_edges=MAX_EDGES) as net:
        publisher = await net.workers[ONE].publish()
        sending = asyncio.create_task(keep_sending(publisher))
        chaos = Chaos(net, seed)
        try:
            for number in range(STEPS):
                await chaos.step(number)
                assert all(0 < tier <= LAST_TIER for _, tier in parents(net).values())
            for name in chaos.edges:
                await plays(chaos.viewers[name])
        finally:
            sending.cancel()
            await chaos.end()


async def plays(viewer: Peer) -> None:
    seen = len(viewer.rtp)
    await eventually("it plays", lambda: len(viewer.rtp) > seen + 10, IN_TIME)
    lost(viewer)  # one SSRC from beginning to end
    assert not viewer.closed


async def keep_sending(publisher: Peer) -> None:
    while True:
        publisher.send_media()
        await asyncio.sleep(0.01)
