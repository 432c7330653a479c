"""Which layers an edge gets: each begins with a keyframe of its own, and ends at once."""

from collections.abc import Collection
from typing import Any

import pytest

from media.rtp.run import Run
from media.switch.layer_set import LayerSet
from media.switch.viewer import Place
from media.tracks.sent_track import FRESH_SECONDS
from tests.support.runs import sized

NOW = 10.0


class Sent:
    def __init__(self) -> None:
        self.awaited: dict[object, Any] = {}
        self.latest: tuple[Run, float] | None = None  # its latest keyframe, and when that came

    def keyframe_since(self, at: float, now: float) -> Run | None:
        assert now == NOW
        return self.latest[0] if self.latest is not None and self.latest[1] > at else None

    def await_keyframe(self, owner: object, call: Any) -> None:
        self.awaited[owner] = call

    def forget(self, owner: object) -> None:
        self.awaited.pop(owner, None)


class World:
    """It is the switch, the feed and the viewer of a layer set of three layers behind a sound."""

    def __init__(self) -> None:
        self.sent = [Sent() for _ in range(4)]
        self.wires: list[object] = [object(), None, None, None]
        self.after_burst: dict[object, Any] = {}
        self.asked: list[int] = []
        self.changes: list[tuple[int | None, Place | None]] = []
        untyped: Any = self
        self.layers = LayerSet(
            untyped, untyped, untyped, (1, 2, 3), lambda layer, _: self.asked.append(layer)
        )

    def change(self, _feed: object, _viewer: object, **how: Any) -> None:
        assert (how["behind"], how["now"]) == (None, NOW)
        self.changes.append((how["leaves"], how["takes"]))
        if how["leaves"] is not None:
            self.wires[how["leaves"]] = None
        if how["takes"] is not None:
            self.wires[how["takes"].track] = object()

    def get(self, *wanted: int) -> None:
        self.layers.get(wanted, NOW)

    def keyframe(self, layer: int) -> None:
        packet: Run = sized(500, 1, track=layer)
        for owner, call in list(self.sent[layer].awaited.items()):
            self.sent[layer].forget(owner)
            call(packet, NOW)

    def ends_burst(self) -> None:
        calls, self.after_burst = list(self.after_burst.values()), {}
        for call in calls:
            call(NOW)

    @property
    def on(self) -> Collection[int]:
        return {layer for layer in (1, 2, 3) if self.wires[layer] is not None}

    @property
    def waits(self) -> Collection[int]:
        return {layer for layer, sent in enumerate(self.sent) if sent.awaited}


@pytest.fixture
def world() -> World:
    return World()


def test_a_layer_begins_behind_the_burst_that_brings_its_keyframe(world: World) -> None:
    world.get(2)
    world.get(2)
    assert (world.waits, world.asked) == ({2}, [2, 2])  # it asks again
    world.keyframe(2)
    assert not world.on
    world.ends_burst()
    assert world.changes == [(None, Place(2, 500, 0))]
    world.get(2)
    assert (world.waits, world.asked) == (set(), [2, 2])


@pytest.mark.parametrize("age", [0.1, 2 * FRESH_SECONDS])
def test_a_layer_begins_with_a_keyframe_that_has_just_come(world: World, age: float) -> None:
    world.sent[2].latest = sized(400, 1, track=2), NOW - age
    world.get(2)
    is_fresh = age < FRESH_SECONDS
    assert world.changes == ([(None, Place(2, 400, 0))] if is_fresh else [])
    assert world.asked == ([] if is_fresh else [2])


def test_two_layers_may_begin_in_one_burst(world: World) -> None:
    world.get(1, 3)
    world.keyframe(1)
    world.keyframe(3)
    world.ends_burst()
    assert world.on == {1, 3}


def test_a_layer_that_is_not_wanted_ends_at_once(world: World) -> None:
    world.wires[1] = world.wires[3] = object()
    world.get(3)
    assert world.changes == [(1, None)]
    world.get()
    assert not world.on


def test_what_is_not_wanted_any_more_does_not_begin(world: World) -> None:
    world.get(2)
    world.get()
    assert not world.waits
    world.get(2)
    world.keyframe(2)
    world.get()
    world.ends_burst()
    assert not world.changes


def test_who_leaves_waits_for_nothing(world: World) -> None:
    world.get(1, 2)
    world.keyframe(1)
    world.layers.end()
    assert not world.waits
    world.ends_burst()
    assert not world.changes
