"""The cache holds the newest group of pictures, within its bounds."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.tracks import picture_cache
from media.tracks.picture_cache import MAX_AGE_SECONDS, MAX_BYTES, MAX_PACKETS, PictureCache
from tests.support.held import held_run

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

    def held(self) -> list[int]:
        return [item for _, _, item in self.cache.held()]

    def put(self, index: int, keyframe: bool = False, timestamp: int | None = None) -> None:
        at = self.timestamp if timestamp is None else timestamp
        self.cache.append(index, at, keyframe, self.now, SIZE, index)


def test_nothing_is_held_before_a_keyframe() -> None:
    stream = Stream()
    stream.send(10)
    assert stream.cache.first_index is None
    assert stream.held() == []


@pytest.mark.parametrize("first", [0, 1, 65530, 2**40])
def test_it_holds_from_the_newest_keyframe_on(first: int) -> None:
    stream = Stream(first)
    stream.send(5)
    stream.send(5, keyframe=True)
    stream.send(5)
    assert stream.cache.first_index == first + 5
    assert stream.held() == list(range(first + 5, first + 15))
    stream.send(3, keyframe=True)
    stream.send(2)
    assert stream.cache.first_index == first + 15
    assert stream.held() == list(range(first + 15, first + 20))
    assert [stream.cache.get(first + n) for n in (14, 15, 19, 20)] == [None, first + 15, first + 19, None]
    stream.cache.clear()
    assert stream.held() == []
    assert stream.cache.get(first + 15) is None


def test_parameter_sets_and_slices_are_one_keyframe() -> None:
    stream = Stream()
    for index in range(10, 14):
        stream.put(index, keyframe=True, timestamp=1)
    assert stream.held() == [10, 11, 12, 13]


def test_parameter_sets_that_come_late_go_before_their_keyframe() -> None:
    stream = Stream()
    stream.put(12, keyframe=True, timestamp=1)
    stream.put(10, keyframe=True, timestamp=1)
    assert stream.held() == [10, 12]
    stream.put(11, timestamp=1)
    stream.put(13, timestamp=2)
    stream.put(8, timestamp=1)
    assert stream.held() == [10, 11, 12, 13]


def test_a_keyframe_whose_start_comes_late_keeps_what_came_before_it() -> None:
    stream = Stream()
    stream.put(0, keyframe=True, timestamp=1)
    for index in (1, 3, 4):
        stream.put(index, timestamp=index)
    stream.put(2, keyframe=True, timestamp=3)
    assert stream.held() == [2, 3, 4]


def test_an_older_keyframe_that_comes_late_is_ignored() -> None:
    stream = Stream()
    stream.put(5, keyframe=True, timestamp=2)
    stream.put(3, keyframe=True, timestamp=1)
    stream.put(4, timestamp=1)
    assert stream.held() == [5]


@given(st.integers(0, 2**40), st.integers(0, 2**32))
def test_reordered_packets_lie_in_order_and_lost_ones_leave_holes(first: int, seed: int) -> None:
    rng = random.Random(seed)
    order = [n for n in range(1, 300) if rng.random() > 0.1]
    stream = Stream(first)
    stream.put(first, keyframe=True)
    for n in sorted(order, key=lambda n: n + rng.uniform(0, 40)):
        stream.put(first + n)
    assert stream.held() == [first, *(first + n for n in order)]


def test_too_many_bytes_make_it_useless_until_the_next_keyframe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_cache, "MAX_BYTES", 50 * SIZE)
    stream = Stream()
    stream.send(50, keyframe=True)
    assert stream.cache.first_index == 0
    stream.send(1)
    assert stream.cache.first_index is None
    stream.send(10)
    assert stream.held() == []
    stream.send(2, keyframe=True)
    assert stream.held() == [61, 62]


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
        held = cache.held()
        assert [index for index, _, _ in held] == sorted(index for index, _, _ in held)
        assert sum(size for _, size, _ in held) <= MAX_BYTES
        assert cache.bitrate == sum(size for _, size, _ in held) * 8 or not held
        assert (cache.first_index is None) == (not held)
        assert not held or held[0][0] == cache.first_index
        assert all(cache.get(index) == index for index, _, _ in held)


def test_successive_packets_are_taken_at_once_or_not_at_all() -> None:
    stream, other = Stream(), Stream()
    for each in (stream, other):
        assert each.cache.extend(0, 0.0, SIZE, [(0, SIZE, 0)])  # no keyframe is held: nothing is taken
        assert not each.cache.held()
        each.send(10, keyframe=True)
    entries = [(10 + n, SIZE, 10 + n) for n in range(5)]
    assert not stream.cache.extend(11, stream.now, 5 * SIZE, entries)
    assert stream.held() == other.held()
    assert stream.cache.extend(10, stream.now, 5 * SIZE, entries)
    for n in range(10, 15):
        other.put(n)
    for slot in PictureCache.__slots__:
        assert getattr(stream.cache, slot) == getattr(other.cache, slot)


@given(st.lists(st.tuples(st.integers(-2, 8), st.booleans(), st.integers(1, 5)), max_size=12))
def test_a_run_is_taken_in_one_piece_as_its_packets_are(
    steps: Sequence[tuple[int, bool, int]],
) -> None:
    whole: PictureCache[int] = PictureCache()
    parts: PictureCache[int] = PictureCache()
    index = 5
    for step, keyframe, count in [(0, True, 1), *steps]:
        index = max(0, index + step)
        run = held_run(index, range(index, index + count))
        entries = [(n, run.size(n), n) for n in range(index, index + count)]
        if keyframe:
            for cache in (whole, parts):
                cache.append(index, index, True, 0.1, 9, index)
        else:
            octets = sum(size for _, size, _ in entries)
            assert whole.extend_run(0.1, octets, run) == parts.extend(index, 0.1, octets, entries)
        assert whole.held() == parts.held()
        assert whole.bitrate == parts.bitrate
        assert [whole.get(n) for n in range(60)] == [parts.get(n) for n in range(60)]
        index += count


def test_viewers_that_join_share_the_packets_of_runs() -> None:
    stream = Stream()
    stream.send(1, keyframe=True)
    for first in (1, 3):
        run = held_run(first, [100_000 + first, 100_001 + first])
        assert stream.cache.extend_run(stream.now, 2 * SIZE, run)
        held, again = stream.cache.held(), stream.cache.held()
        assert [item for _, _, item in held] == [0, *range(100_001, 100_002 + first)]
        assert all(one is other for one, other in zip(held, again, strict=True))


@pytest.mark.parametrize(
    ("now", "octets", "count"), [(MAX_AGE_SECONDS + 1, 1, 1), (0.1, MAX_BYTES, 1), (0.1, 1, MAX_PACKETS)]
)
def test_near_a_limit_nothing_is_taken_at_once(now: float, octets: int, count: int) -> None:
    stream = Stream()
    stream.send(1, keyframe=True)
    entries = [(1 + n, SIZE, 1 + n) for n in range(count)]
    assert not stream.cache.extend(1, now, octets, entries)
    assert stream.held() == [0]
