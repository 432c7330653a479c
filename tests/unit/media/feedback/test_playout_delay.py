"""A viewer that loses much is told to hold its pictures back until what it lost can have come again."""

from collections.abc import Sequence

import pytest

from media.feedback.viewer_feedback import LOSSES_SECONDS, MUCH_LOSS
from media.switch.wire import Wire
from tests.support.far_end import one_byte
from tests.support.far_viewer import FarViewer
from tests.support.published import VIDEO
from tests.support.world import SSRCS, World

DELAY_ID = 5  # of the playout-delay extension
PATIENT = (Wire(96, {4: DELAY_ID}, nack=True, rtx=97, playout_delay=DELAY_ID), Wire(111, {}))
WITH_NACK = (Wire(96, {}, nack=True), Wire(111, {}))
WITH_RTX = (Wire(96, {}, nack=True, rtx=97), Wire(111, {}))
PICTURE = SSRCS[VIDEO]


def patient(rtt: float = 0.0) -> FarViewer:
    """A viewer of a new room that has told this round-trip time, and was sent 100 packets since."""
    world = World()
    viewer = world.join(PATIENT)
    if rtt:
        last = world.report_to(viewer)
        world.now += rtt
        viewer.reports(PICTURE, last)
        assert viewer.playback.feedback.rtt == pytest.approx(rtt)
    world.media(VIDEO, count=100)
    viewer.datagrams()
    return viewer


def delays(viewer: FarViewer, *lost: int) -> list[bytes]:
    """Of the packets that come again, the value of the playout-delay extension; b"" where there is none."""
    again = viewer.packets(viewer.loses(PICTURE, *lost))
    return [dict(packet.extensions).get(DELAY_ID, b"") for packet in again]


def test_a_viewer_that_loses_much_is_told_to_wait_for_what_it_lost() -> None:
    told = delays(patient(rtt=0.1), *range(2, 4 * MUCH_LOSS + 3))
    assert [int.from_bytes(value) >> 12 for value in told[::MUCH_LOSS]] == [0, 15, 27, 39, 50]
    assert {int.from_bytes(value) & 0xFFF for value in told[MUCH_LOSS:]} == {100}
    assert not any(told[:MUCH_LOSS])


def test_a_long_round_trip_makes_it_wait_longer_up_to_a_limit() -> None:
    assert delays(patient(rtt=3.0), *range(2, 11))[-1] == (50 << 12 | 100).to_bytes(3)


def test_a_viewer_that_loses_little_again_is_told_to_wait_no_longer() -> None:
    viewer = patient()
    room = viewer.room
    delays(viewer, *range(1, 20))
    told = []
    for number, pause in enumerate((LOSSES_SECONDS, LOSSES_SECONDS, 1.0), 1):
        room.now += pause
        room.media(VIDEO, count=100)
        viewer.datagrams()
        told += delays(viewer, 100 * number + 50)
    assert [int.from_bytes(value) >> 12 > 0 for value in told] == [True, True, False]


def test_the_publishers_own_playout_delay_gives_way() -> None:
    """Two elements of one id would be one too many."""
    world = World()
    viewer = world.join(PATIENT)
    world.media(VIDEO, count=20, extension=one_byte((4, b"\0\0\0")))
    viewer.packets()
    last = viewer.packets(viewer.loses(PICTURE, *range(1, 10)))[-1]
    assert viewer.viewer.playout_delay is not None
    assert last.extensions == ((DELAY_ID, viewer.viewer.playout_delay.value()),)


@pytest.mark.parametrize("wires", [WITH_NACK, WITH_RTX])
def test_a_viewer_without_the_extension_is_not_told_to_wait(wires: Sequence[Wire]) -> None:
    world = World()
    viewer = world.join(wires)
    world.media(VIDEO, count=100)
    first = viewer.datagrams()
    again = viewer.loses(PICTURE, *range(1, 20))
    assert len(again) == 19
    if wires is WITH_RTX:
        assert all(packet.extensions == () for packet in viewer.packets(again))
    else:
        assert again == first[:19]
