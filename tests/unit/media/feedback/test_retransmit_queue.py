"""What is sent again waits for its turn: how long, in which order, and no more than a bound."""

import math

import pytest

from media.feedback.retransmit_queue import AT_ONCE_OCTETS, MOST_PACKETS, Packet, RetransmitQueue

TRACK = 0


@pytest.fixture
def queue() -> RetransmitQueue:
    queue = RetransmitQueue()
    queue.turn_to(TRACK)
    return queue


def packets(*indexes: int) -> list[Packet]:
    return [(TRACK, index) for index in indexes]


def send_all(queue: RetransmitQueue, now: float) -> None:
    while queue:
        queue.pop()(now)


def test_the_oldest_goes_first_and_once(queue: RetransmitQueue) -> None:
    sent: list[Packet] = []
    before = (TRACK + 1, 70)  # of the track that the viewer got before
    for packet in (*packets(7, 9, 3, 7), before):
        queue.add(packet, lambda _, packet=packet: sent.append(packet))  # type: ignore[misc]
    send_all(queue, 0.0)
    assert sent == [before, *packets(3, 7, 9)]
    assert not queue


def test_it_has_places_for_so_many_and_what_waits_needs_none(queue: RetransmitQueue) -> None:
    assert queue.room_for(packets(*range(2 * MOST_PACKETS))) == MOST_PACKETS
    for packet in packets(*range(MOST_PACKETS)):
        queue.add(packet, lambda _: None)
    assert queue.room_for(packets(*range(MOST_PACKETS))) == MOST_PACKETS  # they are requested once more
    assert queue.room_for(packets(*range(3, MOST_PACKETS + 9))) == MOST_PACKETS - 3
    assert queue.room_for([(TRACK + 1, 3)]) == 0  # that is another packet
    assert queue.room_for(packets(MOST_PACKETS, 0)) == 0
    queue.pop()
    assert queue.room_for(packets(MOST_PACKETS, 1)) == 2


def test_what_waits_is_of_one_track(queue: RetransmitQueue) -> None:
    queue.add((TRACK, 1), lambda _: None)
    queue.turn_to(TRACK)
    assert len(queue) == 1
    queue.turn_to(TRACK + 1)
    assert not queue


def test_a_few_packets_leave_at_once_and_the_others_at_the_pace(queue: RetransmitQueue) -> None:
    rate, octets = 800_000.0, 1000
    assert queue.is_free(100.0)
    queue.spend(AT_ONCE_OCTETS, rate, 100.0)
    assert queue.is_free(100.0)
    for n in range(1, 4):
        queue.spend(octets, rate, 100.0)
        assert [queue.is_free(100.0 + n * 0.01 + later) for later in (-1e-6, 1e-6)] == [False, True]


def test_a_long_pause_saves_no_more_than_those_few(queue: RetransmitQueue) -> None:
    queue.spend(1000, 800_000.0, 0.0)
    queue.spend(AT_ONCE_OCTETS + 1000, 800_000.0, 500.0)
    assert [queue.is_free(500.0 + later) for later in (0.0099, 0.0101)] == [False, True]


def test_without_a_pace_all_leave_at_once(queue: RetransmitQueue) -> None:
    for _ in range(50):
        queue.spend(1500, math.inf, 3.0)
    assert queue.is_free(3.0)
