"""Each alarm rings once, at its time, and there is no timer while none is set."""

import asyncio
from time import monotonic

from media.worker.alarms import Alarms
from tests.support.waiting import eventually


async def test_each_alarm_rings_once_in_order_of_time() -> None:
    rung: list[tuple[str, float]] = []
    alarms: Alarms[str] = Alarms(lambda key, now: rung.append((key, now)))
    start = monotonic()
    for key, after in (("late", 0.06), ("early", 0.02), ("middle", 0.04)):
        alarms.set(key, start + after)
    await eventually("all rang", lambda: len(rung) == 3, within=5, every=0.005)
    assert [key for key, _ in rung] == ["early", "middle", "late"]
    for (_, at), after in zip(rung, (0.02, 0.04, 0.06), strict=True):
        assert at - start >= after
    assert alarms._timer is None


async def test_the_newest_time_of_a_key_counts() -> None:
    rung: list[str] = []
    alarms: Alarms[str] = Alarms(lambda key, _: rung.append(key))
    now = monotonic()
    alarms.set("a", now + 60)
    alarms.set("a", now + 0.01)
    await eventually("it rang", lambda: rung == ["a"], within=5, every=0.005)
    assert alarms._timer is None


async def test_a_ringing_alarm_may_set_the_next() -> None:
    rung: list[str] = []

    def ring(key: str, now: float) -> None:
        rung.append(key)
        if len(rung) < 3:
            alarms.set(key, now + 0.005)

    alarms: Alarms[str] = Alarms(ring)
    alarms.set("again", monotonic())
    await eventually("it rang thrice", lambda: len(rung) == 3, within=5, every=0.005)
    assert rung == ["again"] * 3
    await asyncio.sleep(0)
    assert alarms._timer is None
