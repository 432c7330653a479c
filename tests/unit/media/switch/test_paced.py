"""Keyframes at the pace of a viewer's line: whole pictures only, in order, and never faster than the line."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.packet import RtpPacket
from media.rtp.run import Run
from media.switch.paced import _IN_ADVANCE, MAX_PAUSE_SECONDS, MAX_PICTURE_BYTES, Paced
from media.switch.rendition import PACKET_OVERHEAD
from tests.support.runs import indexes, run_of

TRACK = 4
SIZE = 1000 - PACKET_OVERHEAD
BITRATE = 80_000.0  # ten packets a second
FIRST = 70_000
TICK = 0.010


def picture(number: int, first: int, count: int = 5, size: int = SIZE) -> list[Run]:
    """Its packets, each by itself."""
    return [
        run_of(
            RtpPacket(False, place == count - 1, 96, 0, number * 90_000, 1, (), bytes(size)),
            track=TRACK,
            first=first + place,
        )
        for place in range(count)
    ]


def paced(bitrate: float = BITRATE) -> Paced:
    return Paced(TRACK, FIRST, bitrate, 0.0)


def add(one: Paced, packets: Iterable[Run]) -> None:
    for packet in packets:
        one.add(packet)


class Line:
    """What one viewer is sent, tick by tick, under numbers of its own."""

    def __init__(self, one: Paced) -> None:
        self.one = one
        self.now = 0.0
        self.sent: list[Run] = []
        self.numbers: list[int] = []
        self._offset = 0

    def run(self, seconds: float) -> list[Run]:
        taken: list[Run] = []
        for _ in range(round(seconds / TICK)):
            self.now += TICK
            items = self.one.take(self.now)
            if self.one.begins_at is not None:
                assert self.one.begins_at == items[0].first
                self._offset = items[0].first - (self.numbers[-1] + 1 if self.numbers else 0)
            self.numbers += [item.first - self._offset for item in items]
            taken += items
        self.sent += taken
        return taken


def test_it_is_always_behind() -> None:
    one = paced()
    assert one.may_wait(0.0)
    assert not one.was_sent(FIRST, FIRST)
    assert one.begun
    assert not one.caught_up
    assert one.track == TRACK
    assert one.take(0.0) == []
    add(one, picture(1, FIRST))
    Line(one).run(2.0)
    assert not one.caught_up


def test_a_picture_is_sent_at_the_pace_of_the_line() -> None:
    one = paced()
    add(one, picture(1, FIRST, 20))
    line = Line(one)
    line.run(1.0)
    assert len(line.sent) == pytest.approx(10, abs=1)
    one.bitrate *= 2
    line.run(0.3)
    assert len(line.sent) == pytest.approx(16, abs=1)
    one.bitrate = 0.0
    assert line.run(1.0) == []


def test_it_says_how_long_the_next_picture_takes() -> None:
    one = paced()
    assert one.next_picture is None
    packets = picture(7, FIRST, 3, size=SIZE + 1)
    one.add(run_of(*[packet.packet(0) for packet in packets], track=TRACK, first=FIRST))
    assert one.next_picture == (7 * 90_000, 3 * 1001 * 8 / BITRATE)
    Line(one).run(0.05)
    assert one.next_picture is None


def test_its_first_packet_goes_at_once_unless_something_is_owed() -> None:
    one, owing = paced(), paced()
    one.take(0.0)
    owing.spend(1)
    for each, taken in ((one, [FIRST]), (owing, [])):
        add(each, picture(1, FIRST))
        assert indexes(each.take(0.0)) == taken


def test_what_was_sent_in_advance_is_owed_until_the_line_has_carried_it() -> None:
    one = paced()
    one.spend(_IN_ADVANCE)
    assert not one.owes(0.0)
    one.spend(5_000 - _IN_ADVANCE)
    carried = (5_000 - _IN_ADVANCE) * 8 / BITRATE
    assert [one.owes(carried + seconds) for seconds in (-0.01, 0.01)] == [True, False]


def test_a_pause_is_not_made_up_for() -> None:
    one = paced()
    add(one, picture(1, FIRST, 2))
    Line(one).run(1.0)
    add(one, picture(2, FIRST + 2, 40))
    burst = one.take(60.0)
    assert len(burst) == 1
    assert len(one.take(120.0)) <= 1 + BITRATE * MAX_PAUSE_SECONDS / 8 / 1000


def test_while_one_is_sent_newer_pictures_are_skipped() -> None:
    one = paced()
    line = Line(one)
    add(one, picture(1, FIRST))
    assert len(line.run(0.2)) == 3
    assert one.sends
    second = picture(2, FIRST + 5)
    add(one, second[:3])
    line.run(1.0)
    assert not one.sends
    add(one, second[3:])  # the first part of it is gone
    assert line.run(1.0) == []
    third = picture(3, FIRST + 10)
    add(one, third)
    assert line.run(1.0) == third
    assert line.numbers == list(range(10))


def test_one_that_waits_is_replaced_by_a_newer_one() -> None:
    one = paced(0.0)
    line = Line(one)
    add(one, picture(1, FIRST))
    line.run(0.1)
    newer = picture(2, FIRST + 5)
    add(one, newer)
    add(one, picture(1, FIRST)[:1])  # late
    one.bitrate = BITRATE
    assert line.run(1.0) == newer
    assert line.numbers == list(range(5))


def test_a_picture_without_its_last_packet_gives_way_to_the_next() -> None:
    one = paced()
    line = Line(one)
    add(one, picture(1, FIRST)[:-1])
    line.run(0.5)
    add(one, picture(2, FIRST + 5))
    line.run(1.0)
    assert indexes(line.sent) == list(range(FIRST + 5, FIRST + 10))


def test_a_lost_packet_remains_a_gap_that_the_viewer_can_ask_for() -> None:
    one = paced()
    packets = picture(1, FIRST)
    add(one, [*packets[:2], *packets[3:]])
    line = Line(one)
    line.run(1.0)
    assert line.numbers == [0, 1, 3, 4]
    assert one.next_index == FIRST + 5


def test_a_packet_that_comes_behind_the_last_one_is_still_sent() -> None:
    one = paced()
    line = Line(one)
    add(one, picture(1, FIRST))
    line.run(1.0)
    padding = run_of(RtpPacket(True, False, 96, 0, 90_000, 1, (), b"\x01"), track=TRACK, first=FIRST + 5)
    add(one, [padding])
    assert line.run(0.1) == [padding]
    assert line.numbers == list(range(6))


def test_packets_from_before_its_start_are_not_for_the_viewer() -> None:
    one = paced()
    add(one, picture(1, FIRST - 5))
    assert Line(one).run(1.0) == []


def test_a_picture_that_is_too_large_is_skipped_whole() -> None:
    one = paced(1e9)
    count = MAX_PICTURE_BYTES // (SIZE + PACKET_OVERHEAD) + 1
    line = Line(one)
    add(one, picture(1, FIRST, count))
    assert line.run(1.0) == []
    following = picture(2, FIRST + count, count - 1)
    add(one, following)
    line.run(1.0)
    assert line.sent == following


def test_what_makes_a_picture_too_large_takes_all_of_it_along_unless_that_has_begun() -> None:
    large = picture(1, FIRST + 5, size=MAX_PICTURE_BYTES)[:1]
    waits, goes = Line(paced()), Line(paced())
    add(goes.one, picture(1, FIRST))
    began = len(goes.run(0.2))
    add(goes.one, large)
    assert began + len(goes.run(1.0)) == 5
    add(waits.one, [*picture(1, FIRST)[:-1], *large, *picture(1, FIRST + 6, 1, size=0)])
    assert waits.run(1.0) == []


def test_a_run_is_taken_as_its_packets_are() -> None:
    """Of two pictures: one goes out whole, at the pace of the line, and the other is skipped."""
    first, second = picture(1, FIRST, 20), picture(2, FIRST + 20)
    one, singly = paced(), paced()
    one.add(run_of(*[packet.packet(0) for packet in (*first, *second)], track=TRACK, first=FIRST))
    add(singly, [*first, *second])
    line, other = Line(one), Line(singly)
    for tick in range(200):
        got, expected = line.run(TICK), other.run(TICK)
        assert indexes(got) == indexes(expected), tick
    assert indexes(line.sent) == list(range(FIRST + 20, FIRST + 25))


def test_it_is_bounded_for_empty_packets_too() -> None:
    one = paced(1e9)
    add(one, picture(1, FIRST, MAX_PICTURE_BYTES // PACKET_OVERHEAD + 1, size=0))
    assert Line(one).run(1.0) == []


@given(
    st.lists(
        st.tuples(
            st.integers(1, 12),  # packets
            st.integers(0, 60),  # ticks until the next picture
            st.integers(0, 400_000),  # bit/s from now on
            st.sets(st.integers(0, 11), max_size=2),  # places of packets that come late
            st.integers(0, 30),  # ticks until they do
        ),
        max_size=25,
    )
)
def test_pictures_are_whole_and_numbers_have_no_gap_whatever_the_line_does(
    steps: list[tuple[int, int, int, set[int], int]],
) -> None:
    one = paced()
    line = Line(one)
    at = FIRST
    late: list[tuple[float, Run]] = []
    pictures: dict[int, list[Run]] = {}
    for number, (count, ticks, bitrate, behind, delay) in enumerate(steps, 1):
        one.bitrate = float(bitrate)
        packets = pictures[number * 90_000] = picture(number, at, count)
        at += count
        add(one, [packet for place, packet in enumerate(packets) if place not in behind])
        late += [(line.now + delay * TICK, packet) for place, packet in enumerate(packets) if place in behind]
        for _ in range(ticks):
            line.run(TICK)
            add(one, [packet for due, packet in late if due <= line.now])
            late = [pair for pair in late if pair[0] > line.now]
    one.bitrate = 1e6
    line.run(2.0)
    indexes = [packet.first for packet in line.sent]
    assert indexes == sorted(set(indexes))
    by_picture: dict[int, list[Run]] = {}
    for packet in line.sent:
        by_picture.setdefault(packet.timestamps()[0], []).append(packet)
    wholes = [pictures[timestamp] for timestamp in by_picture]
    for whole in wholes:  # the last packet comes last, and what is not sent came late
        assert by_picture[whole[0].timestamps()[0]][-1] is whole[-1]
    if not any(step[3] for step in steps):
        assert line.sent == [packet for whole in wholes for packet in whole]
        assert line.numbers == list(range(len(line.sent)))
