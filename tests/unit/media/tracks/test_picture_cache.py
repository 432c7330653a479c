"""The cache holds the newest group of pictures, within its bounds."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.tracks import picture_cache
from media.tracks.picture_cache import MAX_AGE_SECONDS, MAX_BYTES, MAX_PACKETS, PictureCache
from tests.support.runs import indexes, sized

SIZE = 1000


class Stream:
    """A publisher that sends packets of `SIZE` into a cache."""

    def __init__(self, first: int = 0, interval: float = 0.004) -> None:
        self.cache = PictureCache()
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
        return indexes(self.cache.held())

    def put(self, index: int, keyframe: bool = False, timestamp: int | None = None) -> None:
        at = self.timestamp if timestamp is None else timestamp
        self.cache.keep(sized(index, SIZE, timestamp=at), self.now, starts_keyframe=keyframe)


@pytest.mark.parametrize("first", [0, 1, 65530, 2**40])
def test_it_holds_from_the_newest_keyframe_on(first: int) -> None:
    stream = Stream(first)
    stream.send(5)
    assert (stream.cache.first_index, stream.held(), stream.cache.bitrate) == (None, [], 0)
    stream.send(5, keyframe=True)
    stream.send(5)
    assert stream.cache.first_index == first + 5
    assert stream.held() == list(range(first + 5, first + 15))
    stream.send(3, keyframe=True)
    stream.send(2)
    assert stream.cache.first_index == first + 15
    assert stream.held() == list(range(first + 15, first + 20))
    found = [stream.cache.get(first + n) for n in (14, 15, 19, 20)]
    assert [run and run.first for run in found] == [None, first + 15, first + 19, None]
    stream.cache.clear()
    assert stream.held() == []
    assert stream.cache.get(first + 15) is None


@pytest.mark.parametrize(
    ("came", "held"),  # of each packet: index, timestamp, and whether it starts a keyframe
    [
        ([(n, 1, True) for n in range(10, 14)], [10, 11, 12, 13]),  # parameter sets and slices
        ([(5, 2, True), (3, 1, True), (4, 1, False)], [5]),  # an older keyframe that comes late
        (
            # the start of a newer one does: it keeps what came of it
            [(10, 1, True), (11, 11, False), (13, 13, False), (14, 14, False), (12, 13, True)],
            [12, 13, 14],
        ),
    ],
)
def test_a_keyframe_is_what_has_its_timestamp(came: list[tuple[int, int, bool]], held: list[int]) -> None:
    stream = Stream()
    for index, timestamp, keyframe in came:
        stream.put(index, keyframe, timestamp)
    assert stream.held() == held


def test_parameter_sets_that_come_late_go_before_their_keyframe(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream()
    stream.put(12, keyframe=True, timestamp=1)
    stream.put(10, keyframe=True, timestamp=1)
    assert stream.held() == [10, 12]
    stream.put(11, timestamp=1)
    stream.put(13, timestamp=2)
    stream.put(8, timestamp=1)
    assert stream.held() == [10, 11, 12, 13]
    stream.put(9, keyframe=True, timestamp=1)
    assert stream.held() == [9, 10, 11, 12, 13]
    monkeypatch.setattr(picture_cache, "MAX_PACKETS", 8)
    for first in (5, 6):
        stream.put(first, keyframe=True, timestamp=1)
    assert stream.held() == [6, 9, 10, 11, 12, 13]


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
    stream.put(50, keyframe=True, timestamp=1)  # of before, and late
    assert stream.held() == []
    stream.send(2, keyframe=True)
    assert stream.held() == [51, 52]
    stream.send(60)
    assert stream.held() == []


def test_its_bit_rate_is_over_a_second_at_least() -> None:
    stream = Stream(interval=0.25)
    stream.now = 5.0
    stream.send(2, keyframe=True)
    assert stream.cache.bitrate == 2 * SIZE * 8
    stream.send(7)
    assert stream.cache.bitrate == 9 * SIZE * 8 / 2


def test_too_great_an_age_makes_it_useless() -> None:
    stream = Stream(interval=1.0)
    stream.now = 5.0
    stream.send(1, keyframe=True)
    stream.send(int(MAX_AGE_SECONDS))
    assert stream.cache.first_index == 0
    stream.send(1)
    assert stream.cache.first_index is None


@pytest.mark.parametrize("jump", [MAX_PACKETS, 2**16, 2**40])
def test_a_jump_makes_it_useless_and_costs_nothing(jump: int) -> None:
    stream = Stream()
    stream.put(0, keyframe=True)
    stream.put(MAX_PACKETS - 1)
    assert stream.held() == [0, MAX_PACKETS - 1]
    stream.put(jump)
    assert stream.cache.first_index is None


@given(
    st.lists(
        st.tuples(st.integers(-50, 50), st.integers(0, 3), st.booleans(), st.integers(0, MAX_BYTES // 5))
    )
)
def test_whatever_comes_it_stays_bounded_and_ordered(events: list[tuple[int, int, bool, int]]) -> None:
    cache = PictureCache()
    newest, given = 1000, set()
    for step, timestamp, keyframe, size in events:
        index = newest + step
        if index in given:
            continue
        given.add(index)
        newest = max(newest, index)
        cache.keep(sized(index, size, timestamp=timestamp), 0.0, starts_keyframe=keyframe)
        held = cache.held()
        octets = sum(run.octets for run in held)
        assert indexes(held) == sorted(indexes(held))
        assert octets <= MAX_BYTES
        assert cache.bitrate == octets * 8 or not held
        assert (cache.first_index is None) == (not held)
        assert not held or held[0].first == cache.first_index
        assert all((one := cache.get(n)) is not None and one.first == n for n in indexes(held))


# of each run: how many packets are missing before it, its size, whether a keyframe starts, how late it comes
cut = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5), st.booleans(), st.integers(0, 3)), max_size=12)


@given(cut)
def test_a_run_is_taken_as_its_packets_are(runs: Sequence[tuple[int, int, bool, int]]) -> None:
    whole, parts = PictureCache(), PictureCache()
    index, arrivals = 5, []
    for number, (missing, count, keyframe, late) in enumerate([(0, 1, True, 0), *runs]):
        index += missing
        run = sized(index, *[100 + n for n in range(count)], timestamp=index)
        arrivals.append((number + late, number, run, keyframe))
        index += count
    for _, _, run, keyframe in sorted(arrivals, key=lambda arrival: arrival[:2]):
        whole.keep(run, 0.1, starts_keyframe=keyframe)
        for place in range(len(run)):
            parts.keep(run.part(place, place + 1), 0.1, starts_keyframe=keyframe and not place)
        assert indexes(whole.held()) == indexes(parts.held())
        assert whole.bitrate == parts.bitrate
        for n in range(index):
            one, other = whole.get(n), parts.get(n)
            assert (one and one.packet(0)) == (other and other.packet(0))


def test_viewers_that_join_share_runs() -> None:
    stream = Stream()
    stream.send(1, keyframe=True)
    runs = [sized(first, SIZE, SIZE) for first in (1, 3)]
    for run in runs:
        stream.cache.keep(run, stream.now, starts_keyframe=False)
    held = stream.cache.held()
    assert indexes(held) == [0, 1, 2, 3, 4]
    assert all(one is other for one, other in zip(held[1:], runs, strict=True))
