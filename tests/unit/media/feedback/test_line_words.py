"""What a viewer says of its line reaches the estimate of it."""

import pytest

from media.counts import ViewerStats
from media.feedback.viewer_feedback import ViewerFeedback
from media.line.estimate import LineEstimate
from media.rtp.rtcp import ReportBlock, receiver_report, remb
from tests.support.far_viewer import FarViewer
from tests.support.published import VIDEO
from tests.support.world import SSRCS, World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def viewer(world: World) -> FarViewer:
    return world.join()


def _feedback(world: World, viewer: FarViewer) -> tuple[ViewerFeedback, LineEstimate]:
    line = LineEstimate(world.now)
    for n in range(30):
        line.sent(n * 100_000 // 8, n * 4_000 // 8, world.now + n / 10)
    stats = ViewerStats(first_picture=lambda seconds: None)
    feedback = ViewerFeedback(
        viewer.viewer, world.feed.sent, world.feedback, world.switch.resend, stats, world.now, line=line
    )
    return feedback, line


def test_a_fall_of_remb_is_heard(world: World, viewer: FarViewer) -> None:
    feedback, line = _feedback(world, viewer)
    feedback.receive(remb(9, 900_000, [SSRCS[VIDEO]]), world.now + 2.8)
    feedback.receive(remb(9, 400_000, [SSRCS[VIDEO]]), world.now + 2.9)
    assert line.carries == pytest.approx(440_000, rel=0.01)


def test_the_worst_loss_of_a_report_is_heard(world: World, viewer: FarViewer) -> None:
    feedback, line = _feedback(world, viewer)
    blocks = [ReportBlock(ssrc, lost, 0, 0, 0, 0, 0) for ssrc, lost in zip(SSRCS, (0, 64), strict=True)]
    for second in (2.0, 2.9):
        assert not line.signs
        feedback.receive(receiver_report(9, blocks), world.now + second)
    assert line.carries == pytest.approx(1_000_000 * 0.75 * 0.95, rel=0.02)


def test_a_viewer_without_an_estimate_may_say_so_too(world: World, viewer: FarViewer) -> None:
    viewer.playback.receive(remb(9, 400_000, [SSRCS[VIDEO]]), world.now)
    assert viewer.playback.loss is None
