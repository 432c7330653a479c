"""The lines themselves, and stays that an audience would put up with."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from statistics import mean

import pytest

from tests.support.busy_reader import BUSY_SECONDS, READS_SECONDS, BusyReader
from tests.support.line_shape import Shape, Way
from tests.support.many_lines import Receiver
from tests.zoo.__main__ import one
from tests.zoo.lines import SECONDS, ZOO, named, seeded
from tests.zoo.seer import seer_sees
from tests.zoo.stay import LAYERS, Figures, as_row, stay

FAULTY = 0.30  # of all stays: so many exceed a limit of an audience; the aim is none


def test_a_policer_lets_a_burst_pass_at_once_and_drops_what_exceeds_it() -> None:
    way: Way[int] = Way(Shape(rate=800_000, queue=0.1, delay=0.02, policed=True), seed=1)
    for number in range(12):  # 1000 octets each; its bucket holds 10,000
        way.enter(1_000, number, now=1.0)
    assert way.left(1.02) == [(1.02, number) for number in range(10)]
    assert way.dropped == 2
    way.enter(1_000, 12, now=1.005)
    assert way.dropped == 3
    way.enter(1_000, 13, now=1.011)  # 11 ms have made room for one
    assert way.left(2.0) == [(1.031, 13)]


def test_each_time_of_arrival_is_exact() -> None:
    way: Way[int] = Way(Shape(rate=100_000, queue=1.0, delay=0.01), seed=3)
    for number in range(3):
        way.enter(125, number, now=0.0)  # 10 ms each
    assert [at for at, _ in way.left(0.5)] == pytest.approx([0.02, 0.03, 0.04])


def test_a_busy_receiver_reads_all_that_came_meanwhile_at_once_and_nothing_before_it_came() -> None:
    reader = BusyReader(seed=1)
    came = [n / 1000 for n in range(20_000)]
    read = [reader.read_at(at) for at in came]
    late = [then - at for at, then in zip(came, read, strict=True)]
    assert read == sorted(read)
    assert 0 <= min(late) < max(late) <= BUSY_SECONDS[1] + READS_SECONDS
    assert 0.6 < sum(each < READS_SECONDS for each in late) / len(late) < 0.7
    batches = Counter(read)
    assert 45 < max(batches.values()) <= 52
    assert min(later - earlier for earlier, later in pairwise(batches)) > READS_SECONDS * 0.99


@pytest.mark.parametrize("line", ZOO, ids=lambda line: line.name)
def test_a_seed_decides_a_line_and_its_parts_follow_each_other(line: object) -> None:
    name = getattr(line, "name", "")
    shapes = seeded(named(name), 5, 10.0)
    assert shapes == seeded(named(name), 5, 10.0) != seeded(named(name), 6, 10.0)
    times = [at for at, _ in shapes]
    assert times == sorted(times)
    assert times[0] == 10.0
    assert all(shape.queue > 0 and shape.delay > 0 for _, shape in shapes)


WIDE, HALF, SHUT = Shape(rate=20e6), Shape(rate=550e3), Shape(rate=60e3)
CHANGED = 1 - 0.5 * 350 / (5 * 700 + 5 * 350)  # for half a second of ten there is half of the best layer less


@pytest.mark.parametrize(
    ("shapes", "frames", "layer"),
    [
        ([(5.0, HALF)], 1.0, 1.0),  # what is steady is seen whole
        ([(5.0, SHUT)], 1.0, 1.0),  # nothing is wanted of what carries nothing
        ([(5.0, WIDE), (10.0, HALF)], 0.95, CHANGED),  # the picture does not fit
        ([(5.0, HALF), (10.0, WIDE)], 1.0, CHANGED),  # it is a small one
        ([(5.0, SHUT), (10.0, HALF)], 0.9, 0.9),  # there is none
    ],
)
def test_a_seer_needs_half_a_second_for_another_picture(
    shapes: list[tuple[float, Shape]], frames: float, layer: float
) -> None:
    assert seer_sees(shapes, LAYERS["layered"], 5.0, 15.0) == pytest.approx((frames, layer))


def test_an_audience_wants_of_a_line_what_a_seer_would_see_and_of_a_steady_one_all() -> None:
    line = named("LTE, far")
    seen, _ = stay(line, Receiver.ARRIVALS, "layered", seed=3)
    due = seen.seer_frames, seen.seer_layer
    assert due == pytest.approx(seer_sees(seeded(line, 3, 0.0), LAYERS["layered"], 0.0, SECONDS), abs=0.01)
    assert max(due) < 0.9
    enough = replace(seen, still=0.0, concealed=0.0, frames=0.86 * due[0], layer=0.81 * due[1])
    assert not enough.faults(line)
    assert replace(enough, frames=0.84 * due[0], layer=0.79 * due[1]).faults(line) == ["frames", "layer"]
    stalls, _ = stay(named("Wi-Fi that stalls"), Receiver.ARRIVALS, "layered", seed=3)
    assert (stalls.seer_frames, stalls.seer_layer) == (1.0, 1.0)


def test_what_a_line_itself_loses_is_no_fault() -> None:
    line = named("10 % lost by chance")
    seen, _ = stay(line, Receiver.ARRIVALS, "layered", seed=3)
    assert seen.lost == pytest.approx(0.1)
    assert not replace(seen, concealed=0.129).faults(line)
    assert replace(seen, concealed=0.131).faults(line) == ["concealed"]


@pytest.mark.parametrize("receiver", Receiver)
@pytest.mark.parametrize("name", ["open", "far away"])
def test_who_has_room_sees_and_hears_all(name: str, receiver: Receiver) -> None:
    figures, _ = stay(named(name), receiver, "layered", seed=1)
    assert not figures.faults(named(name))
    assert figures.layer > 0.98
    assert figures.concealed <= (0.001 if receiver is Receiver.BUSY else 0.0)  # some is read too late
    assert figures.padding < 0.005


@pytest.mark.parametrize(
    ("name", "receiver"),
    [
        ("half, 300 ms", "ARRIVALS"),
        ("half, 100 ms", "ARRIVALS"),
        ("half, 25 ms", "ARRIVALS"),
        ("flapping", "ARRIVALS"),
        ("Wi-Fi that stalls", "ARRIVALS"),
        ("satellite", "REPORTS"),
        ("half, 300 ms", "STREAM"),
    ],
)
def test_who_has_less_sees_what_fits(name: str, receiver: str) -> None:
    """On the average: on some lines a single stay is as good as its luck with the first keyframes."""
    stays = [stay(named(name), Receiver[receiver], "layered", seed) for seed in (1, 2, 3)]
    rows = [as_row(figures) for figures, _ in stays]
    figures = Figures(**{each: mean(row[each] for row in rows) for each in rows[0]})
    assert not figures.faults(named(name)), "\n".join(story for _, story in stays)


@pytest.mark.soak
def test_the_zoo() -> None:
    stays = [
        (line.name, receiver.name, picture, seed)
        for line in ZOO
        for receiver in Receiver
        if not (line.download and receiver is Receiver.STREAM)
        for picture in LAYERS
        for seed in (1, 2)
    ]
    found = [(each, faults) for each, _, faults in map(one, stays) if faults]
    print(*(f"{' / '.join(map(str, each))}: {', '.join(faults)}" for each, faults in found), sep="\n")
    assert len(found) <= FAULTY * len(stays)
