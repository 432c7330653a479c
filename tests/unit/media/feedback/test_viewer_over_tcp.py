"""A viewer whose TCP connection falls behind: its picture waits, begins anew, and is judged fairly."""

import math

import pytest

from media.feedback.viewer_picture import AT_ONCE_SECONDS
from media.line.line_log import LineLog
from media.line.loss_run import Loss
from media.line.stream_line import StreamLine
from media.rtp.extensions import PlayoutDelay
from media.rtp.rtcp import remb
from tests.support.far_viewer import REPORTER
from tests.support.layers_world import PICTURE
from tests.support.nonce_watch import NonceWatch
from tests.support.one_stream import assert_one_stream
from tests.support.set_backlog import SetBacklog
from tests.support.shown_world import SINGLE, THREE, ShownWorld, Watcher


def over_tcp(rates: tuple[int, ...] = THREE) -> tuple[ShownWorld, Watcher, SetBacklog]:
    world = ShownWorld(rates)
    viewer = world.watch()
    world.run(3.0)
    backlog = SetBacklog()
    viewer.far.viewer.queue_in(backlog)
    world.run(1.0)
    return world, viewer, backlog


def test_its_sound_goes_before_its_pictures() -> None:
    _, viewer, backlog = over_tcp(SINGLE)
    sounds = [form.payload_type for form in viewer.far.viewer.forms if form and form.ssrc is None]
    assert viewer.picture.rests
    assert viewer.far.playback.quiet_until == 0.0  # its connection is looked at with each tick
    assert backlog.sound_types == frozenset(sounds)
    assert len(sounds) == 1


def test_after_a_stall_the_same_picture_begins_anew_at_once() -> None:
    world, viewer, backlog = over_tcp(SINGLE)
    backlog.octets, backlog.age = 50_000, 0.9
    backlog.cut()
    world.run(4.0)
    assert viewer.rendition is None
    stalled = world.now
    assert not viewer.pictures(stalled - 3.5)
    assert viewer.picture.carries is None  # nothing says that it carries less
    backlog.octets, backlog.age = 0, 0.0
    world.run(1.0)
    assert viewer.rendition == 0
    assert viewer.pictures(stalled)
    assert_one_stream(viewer.pictures(stalled))


@pytest.mark.parametrize("rtx", [True, False])
def test_the_receiver_is_told_to_show_at_once_what_comes_after_a_stall(rtx: bool) -> None:
    with NonceWatch().everything() as watch:
        world = ShownWorld(SINGLE)
        viewer = world.watch(rtx=rtx)
        world.run(2.0)
        backlog = SetBacklog(octets=50_000)
        viewer.far.viewer.queue_in(backlog)
        world.run(0.2)
        backlog.cut()
        world.run(1.0)
        assert viewer.far.viewer.resent_octets == 0
        backlog.octets = 0
        world.run(1.0)
    assert viewer.rendition == 0
    assert (viewer.far.viewer.resent_octets > 0) is rtx
    assert viewer.far.viewer.playout_delay == PlayoutDelay(0.0, AT_ONCE_SECONDS)
    assert watch.twice == []


def test_what_a_receiver_says_right_after_a_stall_does_not_count() -> None:
    world, viewer, backlog = over_tcp(SINGLE)
    backlog.octets = 50_000
    backlog.cut()
    world.run(1.0)
    backlog.octets = 0
    world.run(1.0)
    viewer.far.says(remb(REPORTER, 50_000, [PICTURE]))
    world.run(0.5)
    assert viewer.rendition == 0
    assert viewer.picture.line.carries == math.inf


def falls_behind(world: ShownWorld, backlog: SetBacklog) -> None:
    """Its connection takes 520 kbit/s for a while."""
    backlog.octets, backlog.age = 50_000, 0.4
    for _ in range(9):
        backlog.octets_sent += 6_500
        world.run(0.1)
    backlog.octets, backlog.age = 0, 0.0


def test_a_backlog_that_grows_leads_to_the_layer_that_fits() -> None:
    world, viewer, backlog = over_tcp()
    falls_behind(world, backlog)
    since = world.now
    world.run(0.8)
    assert viewer.rendition == 1
    assert viewer.layers(since) == {1}
    assert backlog.cuts >= 1  # the rest of the large picture does not hold up the small one


@pytest.mark.parametrize(("rates", "seconds", "cuts"), [(SINGLE, 0.3, 0), (THREE, 0.3, 1), (SINGLE, 1.3, 1)])
def test_a_first_picture_is_not_dropped_for_another_keyframe_of_it(
    rates: tuple[int, ...], seconds: float, cuts: int
) -> None:
    world = ShownWorld(rates)
    viewer = world.watch(number=5)
    backlog = SetBacklog()
    viewer.far.viewer.queue_in(backlog)
    world.run(seconds)
    viewer.picture.line.lost(Loss(0.6, 0.6, world.now - 0.2, world.now), world.now)
    viewer.picture.tick(world.now)
    assert viewer.rendition is None
    assert backlog.cuts == cuts
    assert not viewer.picture._brings_the_first(0, None, world.now)  # the sound alone has none


def test_what_was_dropped_is_not_sent_again() -> None:
    world, viewer, _ = over_tcp(SINGLE)
    resent = viewer.far.stats.retransmissions
    newest = world.feed.sent[0].history.next_index - 1
    viewer.far.loses(PICTURE, newest - 5, newest - 6)
    assert viewer.far.stats.nacks > 0
    assert viewer.far.stats.retransmissions == resent


def test_what_a_receiver_says_of_losses_over_tcp_is_not_of_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    world, viewer, _ = over_tcp(SINGLE)
    told: list[object] = []
    monkeypatch.setattr(LineLog, "report", lambda _, *report: told.append(report[:2]))
    monkeypatch.setattr(LineLog, "remb", lambda *remb: told.append(remb))
    viewer.picture.report(5, 100, world.now - 1.0, 0.0, world.now)
    viewer.picture.remb(50_000, world.now)
    assert told == [(0, 100)]


@pytest.mark.parametrize(("octets", "first"), [(0, ["look"]), (1000, ["sent", "look"])])
def test_what_was_sent_is_counted_before_it_is_judged_by_what_waits(
    monkeypatch: pytest.MonkeyPatch, octets: int, first: list[str]
) -> None:
    world, viewer, backlog = over_tcp(SINGLE)
    backlog.octets, done = octets, list[str]()
    monkeypatch.setattr(LineLog, "sent", lambda *_: done.append("sent"))
    monkeypatch.setattr(StreamLine, "look", lambda *_: done.append("look"))
    viewer.picture._must_wait(world.now)
    assert done == first


def test_no_padding_goes_where_something_waits() -> None:
    world, viewer, backlog = over_tcp()
    falls_behind(world, backlog)
    world.until(lambda: viewer.is_probed)
    backlog.octets, backlog.age = 2_000, 0.05
    since = world.now
    world.run(0.5)
    assert not viewer.padding(since + 0.01)


@pytest.mark.parametrize("number", [5, None])
def test_a_train_tells_nothing_of_a_line_of_tcp(number: int | None) -> None:
    """Its packets come as TCP gives them out. Nor does one that no receiver tells of."""
    world = ShownWorld()
    viewer = world.watch(number=number)
    told = []
    for backlog in (None, SetBacklog()):
        if backlog is not None:
            viewer.far.viewer.queue_in(backlog)
        viewer.picture.line.signs += 1
        viewer.picture.tick(world.now)
        told.append(viewer.picture._choice.can_train)
    assert told == [number is not None, False]
