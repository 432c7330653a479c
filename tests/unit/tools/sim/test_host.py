"""The process of the simulated workers does not stand still by itself, and tells if it did."""

import gc
import signal
import time

from shared.beat import until_beat
from tools.sim.host import BLOCK_SECONDS, keep
from tools.sim.system import kill, stalled, start_host, wait_ready

LONGEST_MEASURE = 600
STOPPED_SECONDS = 0.3


def test_its_workers_do_not_ask_anew_all_at_once_during_a_measure() -> None:
    moments = range(0, int(BLOCK_SECONDS), 10)
    assert min(until_beat(now, BLOCK_SECONDS) for now in moments) > LONGEST_MEASURE


def test_no_garbage_is_looked_for_in_what_it_keeps() -> None:
    held: list[list[int]] = [[] for _ in range(1000)]
    try:
        keep()
        looked_through = {id(each) for each in gc.get_objects()}
        assert not looked_through & {id(each) for each in held}
    finally:
        gc.unfreeze()


def test_it_tells_for_how_long_it_stood_still(redis_url: str) -> None:
    host = start_host(redis_url, workers=3, rooms=10)
    try:
        wait_ready(host)
        stalled(host)
        host.send_signal(signal.SIGSTOP)
        time.sleep(STOPPED_SECONDS)
        host.send_signal(signal.SIGCONT)
        assert stalled(host) > STOPPED_SECONDS / 2
        assert stalled(host) < STOPPED_SECONDS / 2
    finally:
        kill(host)
