"""The lines themselves, and stays that an audience would put up with."""

import ast
import random
from itertools import groupby

import pytest

from tests.support.line_shape import Shape, Way
from tests.support.many_lines import Receiver
from tests.zoo.__main__ import interval, one
from tests.zoo.lines import SECONDS, ZOO, named, seeded
from tests.zoo.sensitivity import NOT_OF_THE_LINE, Number, numbers, scale
from tests.zoo.stay import LAYERS, stay

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


@pytest.mark.parametrize(("burst", "mean"), [((1, 1), 1.05), ((2, 4), 3.1)])
def test_losses_come_alone_or_in_bursts_and_are_as_many(burst: tuple[int, int], mean: float) -> None:
    way: Way[int] = Way(Shape(loss=0.05, burst=burst), seed=2)
    for number in range(40_000):
        way.enter(100, number, now=0.0)
    came = set(way.leave(0.0))
    runs = [len(list(group)) for lost, group in groupby(range(40_000), lambda n: n not in came) if lost]
    assert sum(runs) / 40_000 == pytest.approx(0.05, rel=0.1)
    assert sum(runs) / len(runs) == pytest.approx(mean, rel=0.1)


def test_each_time_of_arrival_is_exact() -> None:
    way: Way[int] = Way(Shape(rate=100_000, queue=1.0, delay=0.01), seed=3)
    for number in range(3):
        way.enter(125, number, now=0.0)  # 10 ms each
    assert [at for at, _ in way.left(0.5)] == pytest.approx([0.02, 0.03, 0.04])


@pytest.mark.parametrize("line", ZOO, ids=lambda line: line.name)
def test_a_seed_decides_a_line_and_its_parts_follow_each_other(line: object) -> None:
    name = getattr(line, "name", "")
    shapes = seeded(named(name), 5, 10.0)
    assert shapes == seeded(named(name), 5, 10.0) != seeded(named(name), 6, 10.0)
    times = [at for at, _ in shapes]
    assert times == sorted(times)
    assert times[0] == 10.0
    assert all(shape.queue > 0 and shape.delay > 0 for _, shape in shapes)


def test_an_interval_holds_the_mean_and_is_narrow_where_all_agree() -> None:
    chance = random.Random(4)
    values = [chance.gauss(1.0, 0.5) for _ in range(40)]
    least, most = interval(values)
    assert least < sum(values) / 40 < most
    assert interval([2.0] * 5) == (2.0, 2.0)


@pytest.mark.parametrize("receiver", Receiver)
@pytest.mark.parametrize("name", ["open", "far away"])
def test_who_has_room_sees_and_hears_all(name: str, receiver: Receiver) -> None:
    figures, _ = stay(named(name), receiver, "layered", seed=1)
    assert not figures.faults(named(name))
    assert figures.layer > 0.98
    assert figures.concealed == 0.0
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
    figures, story = stay(named(name), Receiver[receiver], "layered", seed=1)
    assert not figures.faults(named(name)), story


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


def test_a_stay_is_as_long_as_it_is_told() -> None:
    _, story = stay(named("open"), Receiver.REPORTS, "single", seed=2)
    assert len(story.splitlines()) in (SECONDS - 1, SECONDS)


def test_each_number_of_the_line_is_found() -> None:
    found = numbers()
    assert len(set(found)) == len(found)
    assert {Number("estimate", "FITS_SHARE"), Number("allocation", "_WAIT_SECONDS")} <= {*found}
    assert not {each.module for each in found} & NOT_OF_THE_LINE


@pytest.mark.parametrize(
    ("source", "factor", "scaled"),
    [("2.0", 1.3, 2.6), ("1 / 8", 0.5, 1 / 16), ("6", 1.3, 8), ("1", 0.7, 0), ("(1.0, 2)", 1.5, (1.5, 3))],
)
def test_a_number_is_raised_or_lowered_and_a_count_by_one_at_least(
    source: str, factor: float, scaled: object
) -> None:
    given = ast.parse(source, mode="eval")
    scale(given.body, factor)
    assert eval(compile(ast.fix_missing_locations(given), "given", "eval")) == pytest.approx(scaled)
