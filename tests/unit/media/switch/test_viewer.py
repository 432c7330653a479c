"""What one viewer was sent of each track, and in which stretch of its own numbers."""

from typing import Any

import pytest

from media.counts import TcpStats
from media.rtp.extensions import PlayoutDelay
from media.rtp.sequence import WRAP_GUARD
from media.switch.join_burst import JoinBurst
from media.switch.viewer import Place, Viewer
from media.switch.wire import Wire
from media.transport.tcp_backlog import TcpBacklog
from tests.support.far_end import new_keys

PICTURE, SOUND = 0, 1
SSRC = 77


@pytest.fixture
def viewer() -> Viewer:
    nothing: Any = None
    wires = [Wire(96, {}, ssrc=SSRC), Wire(111, {})]
    return Viewer(
        new_keys(), ("192.0.2.1", 1), nothing, nothing, wires, (0x20005, 0x30000), rendition=PICTURE
    )


def test_who_is_behind_with_a_track_is_so_with_no_other_one(viewer: Viewer) -> None:
    viewer.behind = JoinBurst(PICTURE)
    viewer.behind.begin_at(0x20005, 1e6, 0.0)
    assert [viewer.is_behind(track) for track in (PICTURE, SOUND)] == [True, False]
    assert [viewer.was_sent(SOUND, index) for index in (0x2FFFF, 0x30000)] == [False, True]
    assert not viewer.was_sent(PICTURE, 0x20005)
    assert [viewer.waits(track, 0x20005) for track in (PICTURE, SOUND)] == [True, False]


def test_a_track_begins_at_any_index_with_a_rollover_counter_of_zero(viewer: Viewer) -> None:
    viewer.start_at(SOUND, 0x30007)
    assert viewer.starts == [0x20005, 0x30007]
    assert viewer.offsets == (0x20000, 0x30000)
    assert viewer.shifts == (0, 0)


@pytest.mark.parametrize("before", [1, WRAP_GUARD, WRAP_GUARD + 1])
def test_what_begins_right_before_a_wrap_has_the_number_one(viewer: Viewer, before: int) -> None:
    index = 0x30000 - before
    viewer.take(Place(PICTURE, index, 0), SSRC)
    assert viewer.offsets[PICTURE] == (index - 1 if before <= WRAP_GUARD else 0x20000)


def test_renditions_of_one_picture_share_their_stream_of_retransmissions() -> None:
    nothing: Any = None
    rtx = Wire(96, {}, rtx=97)
    wires = [None, Wire(96, {}), rtx, rtx, rtx]
    here = ("192.0.2.1", 1)
    viewer = Viewer(new_keys(), here, nothing, nothing, wires, (1,) * 5, (5, 5, None, 7, 7))
    assert [stream and stream.ssrc for stream in viewer.rtx] == [None, None, None, 7, 7]
    assert viewer.rtx[3] is viewer.rtx[4]
    assert not any(Viewer(new_keys(), here, nothing, nothing, wires, (1,) * 5).rtx)


@pytest.mark.parametrize("lacks", [None, "backlog", "delay", "rtx"])
def test_a_picture_in_a_stream_tells_a_delay_by_rtx_if_there_are_all_three(lacks: str | None) -> None:
    nothing: Any = None
    wire = Wire(96, {}, rtx=None if lacks == "rtx" else 97)
    viewer = Viewer(new_keys(), ("192.0.2.1", 1), nothing, nothing, [wire], (1,), (7,))
    viewer.queue_in(None if lacks == "backlog" else TcpBacklog(TcpStats()))
    if lacks != "delay":
        viewer.delay_playout(PlayoutDelay(0.0, 0.1))
    assert viewer.tells_delay(0) is (lacks is None)


def test_the_latest_stretch_is_the_one_that_the_viewer_still_gets(viewer: Viewer) -> None:
    viewer.leave(PICTURE, SSRC)
    assert viewer.rendition is None
    viewer.take(Place(PICTURE, 0x20100, 90), SSRC)
    first, latest = viewer._stretches[SSRC]
    assert [viewer.is_latest(stretch, SSRC) for stretch in (first, latest)] == [False, True]
    viewer.get(PICTURE, None)
    assert not viewer.is_latest(latest, SSRC)
