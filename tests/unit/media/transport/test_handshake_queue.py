"""Handshakes take turns, and the event loop looks at its sockets between any two of them."""

import asyncio

from media.transport.handshake_queue import HandshakeQueue


async def test_one_alone_does_not_wait() -> None:
    turns = HandshakeQueue()
    for _ in range(3):
        task = asyncio.ensure_future(turns.take())
        await asyncio.sleep(0)
        assert task.done()
        for _ in range(3):  # rounds that pass
            await asyncio.sleep(0)


async def test_many_take_turns_in_their_order_and_each_round_of_the_loop_has_one() -> None:
    turns, rounds, order = HandshakeQueue(), 0, []

    async def step(number: int) -> None:
        await turns.take()
        order.append((number, rounds))

    tasks = [asyncio.create_task(step(number)) for number in range(20)]
    while not all(task.done() for task in tasks):
        rounds += 1
        await asyncio.sleep(0)
    assert [number for number, _ in order] == list(range(20))
    assert len({at for _, at in order}) == 20


async def test_one_that_gives_up_leaves_its_turn_to_the_next() -> None:
    turns = HandshakeQueue()
    tasks = [asyncio.create_task(turns.take()) for _ in range(5)]
    await asyncio.sleep(0)
    tasks[2].cancel()
    tasks[3].cancel()
    async with asyncio.timeout(5):
        await asyncio.gather(*tasks, return_exceptions=True)
    assert [task.cancelled() for task in tasks] == [False, False, True, True, False]
    async with asyncio.timeout(5):
        await turns.take()
