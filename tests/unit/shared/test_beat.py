"""The moments at which a process does what it does regularly."""

import asyncio
import gc
import subprocess
import sys
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import beat as moments
from shared.beat import BEAT_SECONDS, SPREAD_SECONDS, beat, call_at_beat, come_after_workers, until_beat

times = st.floats(0, 1e7)


@given(times, st.sampled_from([0.25, 0.5, 1.0, 2.0]))
def test_a_beat_is_soon_but_not_at_once(now: float, seconds: float) -> None:
    assert 0.2 * seconds <= until_beat(now, seconds) <= 1.2 * seconds + 1e-6


@given(times, st.floats(-0.01, 0.1))
def test_beats_keep_their_distance_whenever_one_wakes(now: float, late: float) -> None:
    first = now + until_beat(now)
    woken = first + late
    assert woken + until_beat(woken) == pytest.approx(first + BEAT_SECONDS, abs=1e-6)


@given(times)
def test_beats_of_one_process_meet(now: float) -> None:
    rare = now + until_beat(now, 2.0)
    just_before = rare - 0.5
    assert just_before + until_beat(just_before) == pytest.approx(rare, abs=1e-6)


NEXT_BEAT = """
from time import monotonic
from shared.beat import until_beat
now = monotonic()
print(now + until_beat(now))
"""


def test_processes_of_one_host_beat_shortly_one_after_the_other() -> None:
    for _ in range(3):
        run = subprocess.run([sys.executable, "-c", NEXT_BEAT], capture_output=True, text=True, check=True)
        assert -1e-3 < (float(run.stdout) + 0.5) % BEAT_SECONDS - 0.5 < SPREAD_SECONDS + 1e-3


def test_control_beats_after_the_workers_of_its_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "_phase", moments._phase)
    before = until_beat(0.5)
    come_after_workers()
    assert until_beat(0.5) == pytest.approx(before + SPREAD_SECONDS)
    assert SPREAD_SECONDS <= (0.5 + until_beat(0.5)) % BEAT_SECONDS <= 2 * SPREAD_SECONDS


async def test_all_that_waits_for_a_beat_wakes_in_one_round_of_the_loop() -> None:
    woken: list[int] = []
    rounds = 0

    async def wait(number: int) -> None:
        await asyncio.sleep(number / 1000)  # they begin in different milliseconds
        await beat(0.25)
        woken.append(rounds)

    waiting = [asyncio.create_task(wait(number)) for number in range(20)]
    while not all(task.done() for task in waiting):
        rounds += 1
        await asyncio.sleep(0)
    assert len(woken) == 20
    assert len(set(woken)) <= 2  # some may have begun just before a beat


async def test_who_gives_up_just_before_the_beat_wakes_no_other_one_too_late() -> None:
    loop = asyncio.get_running_loop()
    due = loop.time() + until_beat(loop.time(), 0.25)
    leaving, staying = asyncio.create_task(beat(0.25)), asyncio.create_task(beat(0.25))
    await asyncio.sleep(0)
    call_at_beat(due, leaving.cancel).cancel()  # who cancels its call is not called
    await asyncio.sleep(0)
    assert not leaving.cancelling()
    loop.call_at(due, leaving.cancel)
    await asyncio.wait_for(staying, 2.0)
    assert loop.time() - due < 0.2
    await asyncio.wait({leaving})


def test_who_gives_up_keeps_no_event_loop() -> None:
    async def give_up() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                await beat()

    before = len(moments._beats)
    for _ in range(3):
        asyncio.run(give_up())
    gc.collect()
    assert len(moments._beats) <= before
