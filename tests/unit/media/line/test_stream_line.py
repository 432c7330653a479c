"""What a backlog says of the line: it moves and stays, it stands, it was cut."""

import math

from media.line.estimate import LineEstimate
from media.line.stream_line import QUEUE_SECONDS, StreamLine
from tests.support.set_backlog import SetBacklog

TICK = 0.1


class Viewer:
    def __init__(self) -> None:
        self.now = 100.0
        self.backlog = SetBacklog()
        self.line = LineEstimate(self.now)
        self.stream = StreamLine()
        self.handed_over = 0

    def looks(self, *, moved: int = 0, waits: int = 0, age: float = 0.0) -> bool:
        """A tick later: so many octets have gone, and so many wait, the oldest for so long."""
        self.now += TICK
        self.handed_over += 25_000  # 2 Mbit/s
        self.line.sent(self.handed_over, 0, self.now)
        self.backlog.octets_sent += moved
        self.backlog.octets, self.backlog.age = waits, age
        return self.stream.look(self.backlog, self.line, self.now)


def test_a_backlog_that_moves_and_stays_is_congestion_and_says_what_the_line_carries() -> None:
    viewer = Viewer()
    assert not viewer.looks()
    for _ in range(6):
        assert not viewer.looks(moved=7_500, waits=80_000, age=QUEUE_SECONDS + 0.1)
    assert viewer.line.signs == 0  # in so little time it moves by chance
    for _ in range(3):
        viewer.looks(moved=7_500, waits=80_000, age=QUEUE_SECONDS + 0.1)
    assert viewer.line.signs > 0
    assert 500_000 < viewer.line.carries < 600_000


def test_a_keyframe_that_takes_its_time_is_none() -> None:
    viewer = Viewer()
    for _ in range(20):
        assert not viewer.looks(moved=25_000, waits=60_000, age=QUEUE_SECONDS - 0.05)
    assert viewer.line.carries == math.inf


def test_a_line_that_stands_still_says_nothing_of_what_it_carries() -> None:
    viewer = Viewer()
    for number in range(8):
        viewer.looks(waits=100_000, age=number * TICK)
    assert viewer.line.carries == math.inf


def test_pictures_wait_after_a_cut_until_all_that_waits_is_sent() -> None:
    viewer = Viewer()
    viewer.looks(waits=100_000, age=0.9)
    viewer.backlog.cut()
    assert viewer.looks(waits=2_000, age=0.5)
    assert viewer.looks(waits=2_000, age=0.6)
    assert not viewer.looks(moved=2_000)
    assert not viewer.looks(waits=2_000, age=0.1)


def test_after_a_cut_pictures_wait_once_even_if_nothing_does() -> None:
    """What came behind those that were dropped is of no use."""
    viewer = Viewer()
    viewer.looks()
    viewer.backlog.cut()
    assert viewer.looks()
    assert not viewer.looks()


def test_over_another_connection_pictures_begin_anew() -> None:
    viewer = Viewer()
    assert not viewer.looks()
    viewer.backlog = SetBacklog(octets_sent=10**9, cuts=5)
    assert viewer.looks(age=1.0)
    assert not viewer.looks()
    assert viewer.line.carries == math.inf
