"""The moments at which a process does what it does regularly."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.beat import BEAT_SECONDS, beat, until_beat

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


async def test_who_waits_for_a_beat_wakes_at_it() -> None:
    loop = asyncio.get_running_loop()
    due = loop.time() + until_beat(loop.time(), 0.25)
    await asyncio.wait_for(beat(0.25), 5.0)
    assert loop.time() == pytest.approx(due, abs=0.2)
