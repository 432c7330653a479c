"""The cache holds the newest group of pictures, within its bounds, and a joining viewer runs through it."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import picture_cache
from media.join_burst import MIN_BITRATE, SPEED, START_BYTES, JoinBurst
from media.picture_cache import MAX_AGE_SECONDS, MAX_BYTES, MAX_PACKETS, PictureCache

SIZE = 1000


class Stream:
    """A publisher that sends packets of `SIZE` into a cache, whose items are their indices."""

    def __init__(self, first: int = 0, interval: float = 0.004) -> None:
        self.cache: PictureCache[int] = PictureCache()
        self.index = first
        self.interval = interval
        self.now = 0.0
        self.timestamp = 0

    def send(self, packets: int, keyframe: bool = False) -> None:
        """One frame."""
        self.timestamp = self.timestamp + 3000 & 0xFFFFFFFF
        for n in range(packets):
            self.put(self.index, keyframe and n == 0)
            self.index += 1
            self.now += self.interval

    def put(self, index: int, keyframe: bool = False, timestamp: int | None = None) -> None:
        at = self.timestamp if timestamp is None else timestamp
        self.cache.append(index, at, keyframe, self.now, SIZE, index)


def test_nothing_is_held_before_a_keyframe() -> None:
    stream = Stream()
    stream.send(10)
    assert stream.cache.first_index is None
    assert stream.cache.since_keyframe() == []


@pytest.mark.parametrize("first", [0, 1, 65530, 2**40])
def test_it_holds_from_the_newest_keyframe_on(first: int) -> None:
    stream = Stream(first)
    stream.send(5)
    stream.send(5, keyframe=True)
    stream.send(5)
    assert stream.cache.first_index == first + 5
    assert stream.cache.since_keyframe() == list(range(first + 5, first + 15))
    stream.send(3, keyframe=True)
    stream.send(2)
    assert stream.cache.first_index == first + 15
    assert stream.cache.next_index == first + 20
    assert stream.cache.since_keyframe() == list(range(first + 15, first + 20))
    assert [index for index, _, _ in stream.cache.from_index(first + 18)] == [first + 18, first + 19]


def test_parameter_sets_and_slices_are_one_keyframe() -> None:
    stream = Stream()
    for index in range(10, 14):
        stream.put(index, keyframe=True, timestamp=1)
    assert stream.cache.since_keyframe() == [10, 11, 12, 13]


def test_parameter_sets_that_come_late_go_before_their_keyframe() -> None:
    stream = Stream()
    stream.put(12, keyframe=True, timestamp=1)
    stream.put(10, keyframe=True, timestamp=1)
    assert stream.cache.since_keyframe() == [10, 12]
    stream.put(11, timestamp=1)
    stream.put(13, timestamp=2)
    stream.put(8, timestamp=1)
    assert stream.cache.since_keyframe() == [10, 11, 12, 13]


def test_a_keyframe_whose_start_comes_late_keeps_what_came_before_it() -> None:
    stream = Stream()
    stream.put(0, keyframe=True, timestamp=1)
    for index in (1, 3, 4):
        stream.put(index, timestamp=index)
    stream.put(2, keyframe=True, timestamp=3)
    assert stream.cache.since_keyframe() == [2, 3, 4]


def test_an_older_keyframe_that_comes_late_is_ignored() -> None:
    stream = Stream()
    stream.put(5, keyframe=True, timestamp=2)
    stream.put(3, keyframe=True, timestamp=1)
    stream.put(4, timestamp=1)
    assert stream.cache.since_keyframe() == [5]


@given(st.integers(0, 2**40), st.integers(0, 2**32))
def test_reordered_packets_lie_in_order_and_lost_ones_leave_holes(first: int, seed: int) -> None:
    rng = random.Random(seed)
    order = [n for n in range(1, 300) if rng.random() > 0.1]
    stream = Stream(first)
    stream.put(first, keyframe=True)
    for n in sorted(order, key=lambda n: n + rng.uniform(0, 40)):
        stream.put(first + n)
    assert stream.cache.since_keyframe() == [first, *(first + n for n in order)]


def test_too_many_bytes_make_it_useless_until_the_next_keyframe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_cache, "MAX_BYTES", 50 * SIZE)
    stream = Stream()
    stream.send(50, keyframe=True)
    assert stream.cache.first_index == 0
    stream.send(1)
    assert stream.cache.first_index is None
    assert stream.cache.next_index == 51
    stream.send(10)
    assert stream.cache.since_keyframe() == []
    stream.send(2, keyframe=True)
    assert stream.cache.since_keyframe() == [61, 62]


def test_too_great_an_age_makes_it_useless() -> None:
    stream = Stream(interval=1.0)
    stream.send(1, keyframe=True)
    stream.send(int(MAX_AGE_SECONDS))
    assert stream.cache.first_index == 0
    stream.send(1)
    assert stream.cache.first_index is None


@pytest.mark.parametrize("jump", [MAX_PACKETS, 2**16, 2**40])
def test_a_jump_makes_it_useless_and_costs_nothing(jump: int) -> None:
    stream = Stream()
    stream.put(0, keyframe=True)
    stream.put(jump)
    assert stream.cache.first_index is None


@given(
    st.lists(
        st.tuples(st.integers(-50, 50), st.integers(0, 3), st.booleans(), st.integers(0, MAX_BYTES // 5))
    )
)
def test_whatever_comes_it_stays_bounded_and_ordered(events: list[tuple[int, int, bool, int]]) -> None:
    cache: PictureCache[int] = PictureCache()
    newest, given = 1000, set()
    for step, timestamp, keyframe, size in events:
        index = newest + step
        if index in given:
            continue
        given.add(index)
        newest = max(newest, index)
        cache.append(index, timestamp, keyframe, 0.0, size, index)
        held = list(cache.from_index(0))
        assert [index for index, _, _ in held] == sorted(index for index, _, _ in held)
        assert sum(size for _, size, _ in held) <= MAX_BYTES
        assert cache.bitrate == sum(size for _, size, _ in held) * 8 or not held
        assert (cache.first_index is None) == (not held)
        assert not held or (held[0][0], held[-1][0] + 1) == (cache.first_index, cache.next_index)


# --- the joining viewer


def test_a_viewer_runs_through_to_the_live_edge_without_a_gap() -> None:
    stream = Stream()  # 2 Mbit/s
    stream.send(50, keyframe=True)
    stream.send(950)  # four seconds
    burst = JoinBurst(stream.cache, stream.now)
    joined = stream.now
    taken: list[int] = []
    while True:
        taken += burst.take(stream.now)
        if burst.caught_up:
            break
        stream.send(1)
    assert taken == list(range(burst.next_index))
    assert burst.next_index == stream.index
    assert stream.now - joined < 1.05


def test_the_first_packets_go_at_once() -> None:
    stream = Stream()
    stream.send(100, keyframe=True)
    burst = JoinBurst(stream.cache, stream.now)
    assert len(burst.take(stream.now)) == START_BYTES // SIZE + 1


@pytest.mark.parametrize("interval", [0.02, 0.0005])
def test_the_pace_is_a_multiple_of_the_streams(interval: float) -> None:
    stream = Stream(interval=interval)
    stream.send(1, keyframe=True)
    stream.send(round(5 / interval))
    rate = max(SPEED * SIZE * 8 / interval, MIN_BITRATE)
    burst = JoinBurst(stream.cache, 100.0)
    sent = sum(len(burst.take(100.0 + n / 200)) for n in range(21)) * SIZE
    assert sent == pytest.approx(START_BYTES + rate / 8 * 0.1, rel=0.02, abs=SIZE)


def test_a_pause_is_not_made_up_for() -> None:
    stream = Stream()
    stream.send(1000, keyframe=True)
    burst = JoinBurst(stream.cache, 10.0)
    assert len(burst.take(60.0)) * SIZE <= START_BYTES + SIZE + MIN_BITRATE / 8 * 0.05


def test_a_newer_keyframe_is_jumped_to() -> None:
    stream = Stream()
    stream.send(500, keyframe=True)
    burst = JoinBurst(stream.cache, stream.now)
    burst.take(stream.now)
    stream.send(5, keyframe=True)
    assert burst.take(stream.now) == [500, 501, 502, 503, 504]
    assert burst.caught_up
    assert burst.next_index == 505


def test_lost_packets_are_passed_over() -> None:
    stream = Stream()
    stream.put(0, keyframe=True)
    for index in (1, 2, 5, 6):
        stream.put(index)
    burst = JoinBurst(stream.cache, 0.0)
    assert burst.take(0.0) == [0, 1, 2, 5, 6]
    assert burst.caught_up


def test_an_empty_cache_is_the_live_edge() -> None:
    stream = Stream()
    burst = JoinBurst(stream.cache, 0.0)
    assert burst.caught_up
    assert burst.take(0.1) == []


def test_a_cache_that_drops_its_pictures_ends_the_run() -> None:
    stream = Stream()
    stream.send(500, keyframe=True)
    burst = JoinBurst(stream.cache, stream.now)
    burst.take(stream.now)
    stream.now += MAX_AGE_SECONDS
    stream.send(1)
    assert burst.caught_up
    assert burst.take(stream.now) == []
    assert burst.next_index == 501
