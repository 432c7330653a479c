"""What one viewer was sent of each track, and in which stretch of its own numbers."""

from typing import Any

import pytest

from media.switch.join_burst import JoinBurst
from media.switch.viewer import Place, Viewer
from media.switch.wire import Wire
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


def test_the_latest_stretch_is_the_one_that_the_viewer_still_gets(viewer: Viewer) -> None:
    viewer.leave(PICTURE, SSRC)
    assert viewer.rendition is None
    viewer.take(Place(PICTURE, 0x20100, 90), SSRC)
    first, latest = viewer._stretches[SSRC]
    assert [viewer.is_latest(stretch, SSRC) for stretch in (first, latest)] == [False, True]
    viewer.get(PICTURE, None)
    assert not viewer.is_latest(latest, SSRC)
