"""Who feeds whom: whatever comes, goes and is lost, nobody feeds itself, and no path has three relays."""

from dataclasses import dataclass, field
from random import Random

import pytest

from media.relay.tiers import LAST_TIER, instead, places
from shared.messages.relays import OpenRelay
from shared.names import WorkerId

NOW = 10.0
MOST = 3


@dataclass(eq=False)
class Fed:
    edge: WorkerId
    takes: int = MOST
    heard: bool = True

    def is_heard(self, now: float) -> bool:
        return self.heard


def fed(*takes: int) -> list[Fed]:
    return [Fed(WorkerId(f"w{number}"), each) for number, each in enumerate(takes, 1)]


def order(
    edge: str = "new", *, feeds: int = 0, takes: int | None = MOST, avoid: tuple[str, ...] = ()
) -> OpenRelay:
    return OpenRelay(room="wide", edge=edge, ssrc=1, up=b"", feeds=feeds, takes=takes, avoid=avoid)


def parent(edges: list[Fed], asks: OpenRelay, most: int = MOST) -> str:
    found = instead(edges, asks, most, NOW)
    return "origin" if found is None else found.edge


def test_the_origin_feeds_as_many_as_it_should_and_then_sends_on_to_the_one_that_takes_most() -> None:
    assert parent(fed(3, 3), order()) == "origin"
    assert parent(fed(1, 3, 2), order()) == "w2"
    assert parent(fed(1, 1, 1), order()) == "w1"


def test_without_a_limit_the_origin_feeds_all() -> None:
    assert parent(fed(*[3] * 100), order(), most=0) == "origin"


@pytest.mark.parametrize(
    "asks",
    [
        pytest.param(order(takes=None), id="an edge that wants no other one"),
        pytest.param(order(feeds=1), id="an edge that feeds others"),
        pytest.param(order("w1"), id="an edge that the origin feeds already"),
    ],
)
def test_these_are_never_sent_on(asks: OpenRelay) -> None:
    assert parent(fed(3, 3, 3), asks) == "origin"


def test_nobody_is_sent_to_an_edge_that_cannot_feed_it() -> None:
    assert parent(fed(0, 0, 3), order()) == "w3"
    assert parent(fed(2, 3, 3), order(avoid=("w2", "w3"))) == "w1"
    assert parent(fed(0, 0, 0), order()) == "origin"
    assert parent(fed(2, 3, 3), order(avoid=("w1", "w2", "w3"))) == "origin"


def test_an_edge_that_is_silent_has_lost_its_place() -> None:
    edges = fed(3, 3, 3)
    edges[1].heard = False
    assert parent(edges, order()) == "origin"
    assert places(edges, MOST, NOW) == 1


def test_a_copy_feeds_as_many_as_it_should() -> None:
    assert [places(fed(*[0] * number), MOST, NOW) for number in range(5)] == [3, 2, 1, 0, 0]
    assert places(fed(3, 3, 3), MOST, NOW, besides="w2") == 1  # it asks for its place again
    assert places([], 0, NOW) == 0


@dataclass(eq=False)
class Edge:
    """One worker of the model: by whom it is fed, and whom it feeds."""

    name: WorkerId
    parent: str | None = None  # None: its relay is lost
    tier: int = 0
    children: dict[str, Fed] = field(default_factory=dict)

    @property
    def may_feed(self) -> bool:
        return self.parent is not None and self.tier < LAST_TIER

    def takes(self) -> int:
        return places(self.children.values(), MOST, NOW) if self.may_feed else 0


class Model:
    """A room's origin and its edges, of which any may die, lose its relay, or be slow to learn."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.edges: dict[str, Edge] = {}
        self.fed: dict[str, Fed] = {}  # by the origin
        self.count = 0

    def join(self) -> None:
        self.count += 1
        edge = Edge(WorkerId(f"w{self.count}"))
        self.edges[edge.name] = edge
        self.ask(edge)

    def ask(self, edge: Edge) -> None:
        """As `media/relay/asking.py` does."""
        avoid: tuple[str, ...] = ()
        for _ in range(3):
            takes = None if len(avoid) == 2 else places(edge.children.values(), MOST, NOW)
            asks = order(edge.name, feeds=len(edge.children), takes=takes, avoid=avoid)
            named = instead(self.fed.values(), asks, MOST, NOW)
            if named is None:
                self.fed[edge.name] = Fed(edge.name, takes or 0)
                self.fill(edge, "origin", 1)
                return
            named.takes -= 1
            other = self.edges.get(named.edge)
            if other is not None and other.may_feed and places(other.children.values(), MOST, NOW, edge.name):
                other.children[edge.name] = Fed(edge.name)
                self.fill(edge, other.name, other.tier + 1)
                return
            avoid = (*avoid, named.edge)
        raise AssertionError("the origin feeds an edge that wants no other one")

    def fill(self, edge: Edge, by: str, tier: int) -> None:
        edge.parent, edge.tier = by, tier
        if tier >= LAST_TIER:
            self.send_away(edge)

    def send_away(self, edge: Edge) -> None:
        for child in list(edge.children):
            self.lose(self.edges[child])
        edge.children.clear()

    def lose(self, edge: Edge) -> None:
        """Its relay ends, at both ends."""
        self.fed.pop(edge.name, None)
        if edge.parent in self.edges:
            self.edges[edge.parent].children.pop(edge.name, None)
        edge.parent = None

    def die(self, edge: Edge) -> None:
        """The origin learns that later: until then it may name the dead one."""
        if edge.parent in self.edges:
            self.edges[edge.parent].children.pop(edge.name, None)
        self.send_away(edge)
        del self.edges[edge.name]

    def step(self) -> None:
        edges = list(self.edges.values())
        some = self.chance.choice(edges) if edges else None
        what = self.chance.random()
        if some is None or what < 0.4:
            self.join()
        elif what < 0.5:
            self.die(some)
        elif what < 0.7:
            self.lose(some)
        elif what < 0.9:
            if some.parent is None:
                self.ask(some)
        else:
            self.tell()

    def tell(self) -> None:
        """The origin hears from its edges what they take, and that some are gone."""
        for name in list(self.fed):
            if name not in self.edges:
                del self.fed[name]
            else:
                self.fed[name].takes = self.edges[name].takes()

    def settle(self) -> None:
        self.tell()
        while lost := [edge for edge in self.edges.values() if edge.parent is None]:
            for edge in lost:
                self.ask(edge)
            self.tell()

    def path(self, edge: Edge) -> list[str]:
        """From an edge up to the origin, or to a relay that is lost."""
        path = [str(edge.name)]
        while (by := self.edges[path[-1]].parent) is not None and by != "origin":
            assert by not in path, f"{by} feeds itself: {path}"
            path.append(by)
        return path


@pytest.mark.parametrize("seed", range(50))
def test_whatever_happens_there_are_no_loops_and_no_third_tier(seed: int) -> None:
    model = Model(Random(seed))
    for _ in range(200):
        model.step()
        for edge in model.edges.values():
            assert len(model.path(edge)) <= LAST_TIER
            assert len(edge.children) <= MOST
    model.settle()
    for edge in model.edges.values():
        assert model.edges[model.path(edge)[-1]].parent == "origin"


@pytest.mark.parametrize("number", [1, MOST, MOST + 1, MOST * (MOST + 1)])
def test_edges_that_come_one_by_one_are_spread_evenly(number: int) -> None:
    model = Model(Random(0))
    for _ in range(number):
        edge = Edge(WorkerId(f"w{len(model.edges)}"))
        model.edges[edge.name] = edge
        model.ask(edge)
        model.tell()
    assert len(model.fed) == min(number, MOST)
    below = [len(model.edges[name].children) for name in model.fed]
    assert sum(below) == number - len(model.fed)
    assert max(below) - min(below) <= 1
