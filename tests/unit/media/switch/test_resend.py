"""What cannot be retransmitted is refused, and nothing leaves."""

import pytest

from media.rtp.extensions import PlayoutDelay
from media.switch.resend import resend
from media.switch.wire import Wire
from tests.support.far_end import one_byte, rtp
from tests.support.published import VIDEO
from tests.support.runs import run_of
from tests.support.world import SSRCS, World

WITH_NACK = (Wire(96, {}, nack=True), Wire(111, {}))
WITH_RTX = (Wire(96, {}, nack=True, rtx=97), Wire(111, {}))


@pytest.mark.parametrize(
    ("wires", "index", "padding"),
    [
        (WITH_NACK, 700, 0),  # nothing was sent under that index
        (WITH_RTX, 1, 255),  # its padding is longer than it is
    ],
)
def test_what_was_never_sent_or_cannot_be_read_is_not_sent_again(
    wires: tuple[Wire, ...], index: int, padding: int
) -> None:
    world = World()
    viewer = world.join(wires)
    world.media(VIDEO)
    viewer.datagrams()
    packet = rtp(index, b"x", padding=1)
    run = run_of(packet[:-1] + bytes((padding or 1,)), track=VIDEO, ssrc=SSRCS[VIDEO], first=index)
    resent = viewer.viewer.resent_octets
    assert not resend(viewer.viewer, run, 0, 0, world.now)
    assert viewer.datagrams() == []
    assert viewer.viewer.resent_octets == resent
    good = run_of(rtp(1, b"x"), track=VIDEO, ssrc=SSRCS[VIDEO], first=1)
    if wires is WITH_RTX:
        assert resend(viewer.viewer, good, 0, 0, world.now)
        assert len(viewer.datagrams()) == 1
        assert viewer.viewer.resent_octets == resent + 1


def test_the_delay_of_the_viewer_takes_the_place_of_the_publisher_s() -> None:
    world = World()
    viewer = world.join((Wire(96, {5: 7, 6: 8}, nack=True, rtx=97, playout_delay=7), Wire(111, {})))
    lost = rtp(1, b"x", extension=one_byte((5, b"its"), (6, b"z")))
    run = run_of(lost, track=VIDEO, ssrc=SSRCS[VIDEO], first=1)
    delay = PlayoutDelay(0.1, 0.2)
    for extensions in (((7, b"its"), (8, b"z")), ((8, b"z"), (7, delay.value()))):
        assert resend(viewer.viewer, run, 0, 0, world.now)
        [again] = viewer.packets()
        assert again.extensions == extensions
        viewer.viewer.delay_playout(delay)


@pytest.mark.parametrize("index", [0x7FFF, 0x8000, 0xC000, 0x18000])
def test_a_lost_packet_is_named_by_all_bits_of_its_number(index: int) -> None:
    world = World(index=index)
    viewer = world.join(WITH_RTX)
    world.media(VIDEO)
    [lost] = viewer.packets()
    [again] = viewer.packets(viewer.loses(SSRCS[VIDEO], lost.sequence))
    assert again.payload == (index & 0xFFFF).to_bytes(2) + lost.payload
    viewer = world.join(WITH_NACK)
    world.media(VIDEO)
    sent = viewer.datagrams()
    assert viewer.loses(SSRCS[VIDEO], index + 1) == sent


def test_on_both_sides_of_a_wrap_a_lost_packet_is_sent_again_byte_for_byte() -> None:
    """Its SRTP index has a rollover counter, which its number does not tell."""
    world = World(index=0x10000 - 200)
    viewer = world.join(WITH_NACK)
    world.media(VIDEO, count=400)
    sent = viewer.datagrams()
    assert viewer.loses(SSRCS[VIDEO], -1, 0, 199) == [sent[199], sent[200], sent[399]]


@pytest.mark.parametrize(("offset", "shift"), [(0, 0), (3, 1), (9, 2), (-70_000, 0xFFFFFFFF)])
def test_a_packet_that_is_sent_again_has_the_number_and_the_time_of_this_viewer(
    offset: int, shift: int
) -> None:
    world = World()
    viewer = world.join(WITH_RTX)
    lost = rtp(9, b"x", timestamp=0xFFFFFFFE)
    run = run_of(lost, track=VIDEO, ssrc=SSRCS[VIDEO], first=9)
    assert resend(viewer.viewer, run, offset, shift, world.now)
    [again] = viewer.packets()
    assert int.from_bytes(again.payload[:2]) == 9 - offset & 0xFFFF
    assert again.timestamp == 0xFFFFFFFE + shift & 0xFFFFFFFF
