"""Handshakes take turns, and the event loop looks at its sockets between any two of them."""

import asyncio

from media.transport.handshake_queue import HandshakeQueue


async def test_one_alone_has_the_next_round() -> None:
    turns, done = HandshakeQueue(), list[int]()
    for number in range(3):
        turns.ask(lambda number=number: done.append(number))  # type: ignore[misc]
        assert number not in done
        await asyncio.sleep(0)
        assert number in done
        for _ in range(3):  # rounds that pass
            await asyncio.sleep(0)


async def test_many_take_turns_in_their_order_and_each_round_of_the_loop_has_one() -> None:
    turns, rounds, order = HandshakeQueue(), 0, []

    def step(number: int) -> None:
        order.append((number, rounds))
        if number < 10:  # it asks for the next one, as who has got more meanwhile
            turns.ask(lambda: step(number + 10))

    for number in range(10):
        turns.ask(lambda number=number: step(number))  # type: ignore[misc]
    while len(order) < 20:
        rounds += 1
        await asyncio.sleep(0)
    assert [number for number, _ in order] == list(range(20))
    assert len({at for _, at in order}) == 20


async def test_what_one_raises_goes_to_the_loop_and_the_next_has_its_turn() -> None:
    turns, done = HandshakeQueue(), list[int]()
    escaped: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, found: escaped.append(found["exception"]))
    bug = RuntimeError()

    def fail() -> None:
        raise bug

    turns.ask(fail)
    turns.ask(lambda: done.append(1))
    for _ in range(3):
        await asyncio.sleep(0)
    assert (escaped, done) == ([bug], [1])
