"""When a worker that is emptied, or told to stop, does stop."""

import asyncio

from structlog.testing import capture_logs

from media.worker.drain import Drain

SOON = 5.0
UNIX = 1_000.0  # by the clock of all workers


class Stage:
    """A worker with some sessions that drains for `seconds`."""

    def __init__(self, seconds: float, sessions: int = 1) -> None:
        self.sessions = sessions
        self.told: list[bool] = []
        self.drain = Drain(seconds, lambda: self.sessions, self.told.append, lambda: UNIX)

    async def is_over(self) -> bool:
        """Whether it is, or will be within a moment."""
        try:
            async with asyncio.timeout(0.5):
                await self.drain.over()
        except TimeoutError:
            return False
        return True


async def test_a_worker_runs_until_it_is_told_otherwise() -> None:
    assert not await Stage(0.0, sessions=0).is_over()


async def test_a_hurried_worker_stops_at_once() -> None:
    stage = Stage(60.0)
    stage.drain.hurry()
    assert await stage.is_over()
    assert stage.drain.hurried


async def test_a_signal_lets_it_go_on_until_nobody_is_left() -> None:
    stage = Stage(60.0)
    stage.drain.leave()
    assert stage.told == [True]
    assert (stage.drain.began_at, stage.drain.until) == (UNIX, UNIX + 60)
    assert not await stage.is_over()
    stage.sessions = 0
    assert await stage.is_over()
    assert not stage.drain.hurried


async def test_a_second_signal_hurries_it() -> None:
    stage = Stage(60.0)
    stage.drain.leave()
    stage.drain.leave()
    assert await stage.is_over()
    assert stage.drain.hurried


async def test_at_the_deadline_it_stops_whoever_is_left() -> None:
    stage = Stage(0.1)
    stage.drain.begin()
    assert await stage.is_over()


async def test_an_operator_s_drain_lasts_until_the_deadline_and_can_be_taken_back() -> None:
    stage = Stage(60.0, sessions=0)
    stage.drain.begin()
    assert not await stage.is_over()
    stage.drain.cancel()
    assert stage.told == [True, False]
    assert not stage.drain.is_on
    assert (stage.drain.began_at, stage.drain.until) == (0.0, 0.0)


async def test_a_signal_ends_an_operator_s_drain_of_an_empty_worker_and_is_not_taken_back() -> None:
    stage = Stage(60.0, sessions=0)
    stage.drain.begin()
    stage.drain.leave()
    stage.drain.cancel()
    assert stage.drain.is_on
    assert await stage.is_over()


async def test_what_a_stopping_worker_still_does_is_given_up_in_a_hurry() -> None:
    drain, done = Stage(60.0).drain, asyncio.Event()

    async def work() -> None:
        done.set()
        await asyncio.Event().wait()

    waiting = asyncio.create_task(drain.unless_hurried(work()))
    await done.wait()
    drain.hurry()
    async with asyncio.timeout(SOON):
        await waiting


async def test_a_fault_in_it_is_logged_and_does_not_keep_the_worker() -> None:
    async def work() -> None:
        raise RuntimeError("broken")

    with capture_logs() as logs:
        await Stage(60.0).drain.unless_hurried(work())
    assert [str(entry["exc_info"]) for entry in logs] == ["broken"]
