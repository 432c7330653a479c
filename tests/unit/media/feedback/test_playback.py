"""One receiver over time: when it is reported to, when nothing is due, and what is left when it goes."""

import math

import pytest

from media.feedback import playback as module
from media.feedback.playback import ask_early
from media.feedback.publisher_feedback import REPORT_SECONDS
from media.rtp.rtcp import ReportBlock, receiver_report
from media.switch.join import ASK_AGAIN_SECONDS, MOST_ASKS
from tests.support.far_viewer import PLAIN, REPORTER, FarViewer
from tests.support.published import AUDIO, VIDEO, sound, video
from tests.support.shown_world import ShownWorld
from tests.support.world import SSRCS, World

KEYFRAME = b"\x10\x00 key"  # VP8


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(module, "random", lambda: 0.25)
    return World([video("VP8", feedback=["nack pli"]), sound()], join_burst="off")


@pytest.fixture
def viewer(world: World) -> FarViewer:
    """It has joined, and sees the picture."""
    viewer = world.join(PLAIN)
    world.media(VIDEO, payload=KEYFRAME)
    world.media(AUDIO)
    return viewer


def test_reports_are_spread_over_the_second(world: World, viewer: FarViewer) -> None:
    began = world.now
    world.feedback.tick(began)
    due = began + 0.25 * REPORT_SECONDS
    told = []
    for tick in range(1, 25):
        world.now = began + tick / 8
        if viewer.playback.tick(world.now):
            told.append(world.now)
    assert told == [due, due + REPORT_SECONDS, due + 2 * REPORT_SECONDS]


def test_between_two_reports_nothing_is_due_to_one_that_sees_its_picture(
    world: World, viewer: FarViewer
) -> None:
    playback = viewer.playback
    assert playback.steps
    assert playback.quiet_until == 0.0  # it waits for its picture until it is looked at
    assert playback.step(world.now) == pytest.approx(ASK_AGAIN_SECONDS)
    world.media(VIDEO, payload=KEYFRAME)
    world.now += ASK_AGAIN_SECONDS
    assert playback.step(world.now) is None
    assert not playback.steps
    assert playback.first_picture_at is not None
    playback.tick(world.now)
    assert playback.quiet_until == world.now + REPORT_SECONDS
    assert (playback.rests, playback.measure_seconds) == (True, math.inf)
    assert playback.step(world.now) is None


def test_who_never_gets_a_picture_asks_a_few_times(world: World) -> None:
    viewer = world.join(PLAIN)
    wishes = len(world.feedback.wishes)  # type: ignore[attr-defined]
    for _ in range(10):
        viewer.playback.tick(world.now)
        world.now += ASK_AGAIN_SECONDS
    assert len(world.feedback.wishes) - wishes == MOST_ASKS  # type: ignore[attr-defined]
    assert viewer.playback.first_picture_at is None
    assert not viewer.waited


def test_what_the_sender_refused_and_the_line_lost_is_counted_with_each_report_and_at_the_end(
    world: World, viewer: FarViewer
) -> None:
    viewer.viewer.sender._refused = 2
    viewer.says(receiver_report(REPORTER, [ReportBlock(SSRCS[VIDEO], 64, 0, 0, 0, 0, 0)]))
    world.now += REPORT_SECONDS
    viewer.playback.tick(world.now)
    assert (viewer.stats.srtp_refused, viewer.stats.losses._sum) == (2, 0.25)
    viewer.viewer.sender._refused = 3
    viewer.playback.tick(world.now)
    assert viewer.stats.srtp_refused == 2
    viewer.leave()
    assert viewer.stats.srtp_refused == 5
    assert not any(world.feed.profiles)
    assert [sent.awaiting_count for sent in world.feed.sent] == [0, 0]


def test_it_is_sent_to_its_latest_address(world: World, viewer: FarViewer) -> None:
    viewer.datagrams()
    there = viewer.viewer.address
    viewer.playback.move(there, world.now)
    assert viewer.viewer.address is there
    world.media(AUDIO)
    assert len(viewer.datagrams()) == 1
    elsewhere = world.arrives(viewer)
    viewer.playback.move(elsewhere, world.now)
    assert viewer.viewer.address == elsewhere
    world.media(AUDIO)
    assert len(viewer.datagrams()) == 1


def test_a_keyframe_is_asked_for_early_where_the_answer_would_be_held() -> None:
    world = World([video("VP8", feedback=["nack pli"]), sound()])
    world.media(VIDEO, AUDIO, payload=KEYFRAME)
    assert world.join(PLAIN).viewer.behind is not None  # it begins with what is held
    asked: list[int] = []
    world.feedback.want_keyframe = lambda number, _now, **_: asked.append(number)  # type: ignore[method-assign]
    for rendition in (AUDIO, None, VIDEO):
        ask_early(world.feed, world.feedback, world.now, rendition)
    assert asked == [VIDEO, VIDEO]
    world.feed.sent[VIDEO].pictures.clear()
    ask_early(world.feed, world.feedback, world.now)
    assert asked == [VIDEO, VIDEO]


def test_a_round_trip_is_of_the_line_of_its_picture(world: World, viewer: FarViewer) -> None:
    viewer.playback.measured(0.25, world.now)  # it has no choice of pictures
    assert viewer.playback.line_log(world.now) is None
    shown = ShownWorld()
    watcher = shown.watch()
    watcher.far.playback.measured(0.25, shown.now)
    assert watcher.picture.line.trips.shortest_known == 0.25
    assert watcher.far.playback.line_log(shown.now) is not None
