"""Arrivals are told as the draft requires: read here by a decoder written from the draft alone.

draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1.
"""

import random
import struct
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.packet_arrivals import MOST_PACKETS, PacketArrivals
from media.rtp.rtcp import parse_compound
from media.tracks.transport_feedback import FEEDBACK_SECONDS, WINDOW, TransportFeedback
from tests.support.steps import steps_of

TICK = 0.00025
MTU = 1200
STARTS = [0, 1, 32767, 32768, 65000, *range(65525, 65536)]


@dataclass
class Report:
    sender_ssrc: int
    media_ssrc: int
    count: int
    arrivals: dict[int, float | None]  # by sequence number, in its order


def decode(packet: bytes) -> Report:
    first, kind, words, sender, media, base, statuses, packed = struct.unpack_from("!BBHIIHHI", packet)
    assert (first, kind, 4 * words + 4) == (0x8F, 205, len(packet))
    ours = next(iter(parse_compound(packet)), None)
    at = 20
    symbols: list[int] = []
    while len(symbols) < statuses:
        (chunk,) = struct.unpack_from("!H", packet, at)
        at += 2
        if not chunk & 0x8000:
            assert chunk & 0x1FFF
            symbols += [chunk >> 13] * (chunk & 0x1FFF)
        elif not chunk & 0x4000:
            symbols += [chunk >> n & 1 for n in range(13, -1, -1)]
        else:
            symbols += [chunk >> n & 3 for n in range(12, -1, -2)]
    assert not any(symbols[statuses:])
    reference = packed >> 8
    ticks = (reference - (reference >> 23 << 24)) * 256
    arrivals: dict[int, float | None] = {}
    for n, symbol in enumerate(symbols[:statuses]):
        sequence = base + n & 0xFFFF
        if symbol == 0:
            arrivals[sequence] = None
            continue
        if symbol == 1:
            ticks += packet[at]
            at += 1
        else:
            assert symbol == 2
            (delta,) = struct.unpack_from("!h", packet, at)
            ticks += delta
            at += 2
        arrivals[sequence] = ticks * TICK
    rest = packet[at:]
    assert len(rest) < 4
    assert not any(rest)
    if statuses <= MOST_PACKETS:
        assert isinstance(ours, PacketArrivals)
        assert [(sender, media, base)] == [ours[:3]]
        assert [time is not None for time in ours.times] == [time is not None for time in arrivals.values()]
    return Report(sender, media, packed & 0xFF, arrivals)


def merged(packets: list[bytes]) -> dict[int, float | None]:
    told: dict[int, float | None] = {}
    for packet in packets:
        assert len(packet) <= MTU
        told.update(decode(packet).arrivals)
    return told


def about(time: float) -> object:
    return pytest.approx(time, abs=1.01 * TICK)


def wrong(told: dict[int, float | None], arrivals: dict[int, float | None]) -> dict[int, object]:
    """Of each number that is not told as it arrived: what was told, and what is true."""
    return {
        number: (at, arrivals[number])
        for number, at in told.items()
        if (at is None) != (arrivals[number] is None)
        or abs((at or 0) - (arrivals[number] or 0)) > 1.01 * TICK
    }


def test_a_report_names_both_ends_and_counts_itself() -> None:
    feedback = TransportFeedback(0xDEADBEEF, 5)
    counts = []
    for n in range(300):
        feedback.received(n, n * 0.05)
        (packet,) = feedback.build(n * 0.05, 0xCAFE)
        report = decode(packet)
        assert (report.sender_ssrc, report.media_ssrc) == (0xDEADBEEF, 0xCAFE)
        assert list(report.arrivals) == [n]
        counts.append(report.count)
    assert counts == [n & 0xFF for n in range(300)]


def test_a_packet_has_its_number_in_the_extension_that_was_agreed_on() -> None:
    feedback = TransportFeedback(1, 5)
    for extensions in ((), ((4, b"\x12\x34"),), ((5, b"\x12"),), ((5, b"\x12\x34\x56"),)):
        feedback.arrived(extensions, 10.0)
    assert not feedback.due(10.0)
    feedback.arrived(((4, b"\x55\x55"), (5, b"\x12\x34"), (5, b"\x66\x66")), 10.0)
    assert list(decode(*feedback.build(10.0, 2)).arrivals) == [0x1234]


def test_the_bytes_of_a_small_report() -> None:
    feedback = TransportFeedback(1, 5)
    feedback.received(10, 0.064)
    feedback.received(11, 0.065)
    feedback.received(13, 0.0648)
    (packet,) = feedback.build(0.1, 2)
    assert packet == bytes.fromhex(
        "8fcd0006 00000001 00000002"
        "000a 0004"  # base and count
        "000001 00"  # 64 ms, the first report
        "d480"  # two-bit vector: small, small, lost, large
        "00 04 ffff 0000"  # 0, 1 ms, -250 us; padding
    )


def test_it_is_due_when_there_is_something_to_report_and_the_interval_has_passed() -> None:
    feedback = TransportFeedback(1, 5)
    assert not feedback.due(5.0)
    assert feedback.build(5.0, 2) == []
    feedback.received(1, 10.0)
    assert feedback.due(10.0)
    feedback.build(10.0, 2)
    assert not feedback.due(20.0)
    feedback.received(2, 10.01)
    assert not feedback.due(10.0 + FEEDBACK_SECONDS * 0.9)
    assert feedback.due(10.0 + FEEDBACK_SECONDS)


@pytest.mark.parametrize("first", STARTS)
@given(seed=st.integers(0, 2**32), loss=st.sampled_from([0, 0.05, 0.5, 0.95]))
def test_every_arrival_and_every_loss_is_reported_over_the_wrap(first: int, seed: int, loss: float) -> None:
    rng = random.Random(seed)
    feedback = TransportFeedback(1, 5)
    arrivals: dict[int, float | None] = {}
    told: dict[int, float | None] = {}
    now = 1000.0
    last = 0
    for n in range(400):
        now += rng.choice((0, 0.0001, 0.001, 0.02, 0.1, 20.0))
        arrivals[first + n & 0xFFFF] = None
        if n == 0 or rng.random() >= loss:
            arrivals[first + n & 0xFFFF] = now
            feedback.received(first + n & 0xFFFF, now)
            last = n
        if rng.random() < 0.02:
            told.update(merged(feedback.build(now, 2)))
    told.update(merged(feedback.build(now, 2)))
    assert list(told) == [first + n & 0xFFFF for n in range(last + 1)]
    assert not wrong(told, arrivals)


@pytest.mark.parametrize("first", STARTS)
def test_reordered_packets_are_reported_within_one_report(first: int) -> None:
    feedback = TransportFeedback(1, 5)
    order = [0, 2, 1, 5, 3, 4]
    for place, n in enumerate(order):
        feedback.received(first + n & 0xFFFF, 1 + place / 100)
    told = merged(feedback.build(2, 2))
    assert told == {first + n & 0xFFFF: about(1 + order.index(n) / 100) for n in range(6)}


@pytest.mark.parametrize("first", STARTS)
def test_a_packet_that_comes_after_its_report_is_reported_with_its_neighbours(first: int) -> None:
    feedback = TransportFeedback(1, 5)
    for n in (0, 1, 3, 4):
        feedback.received(first + n & 0xFFFF, 1.0)
    assert merged(feedback.build(1.0, 2))[first + 2 & 0xFFFF] is None
    feedback.received(first + 2 & 0xFFFF, 1.1)
    assert merged(feedback.build(1.1, 2)) == {
        first + 2 & 0xFFFF: about(1.1),
        first + 3 & 0xFFFF: about(1.0),
        first + 4 & 0xFFFF: about(1.0),
    }
    assert feedback.build(1.2, 2) == []


def test_packets_that_were_sent_before_the_first_one_are_reported() -> None:
    feedback = TransportFeedback(1, 5)
    feedback.received(0, 1.0)
    feedback.received(65535, 1.001)
    assert merged(feedback.build(1.1, 2)) == {65535: about(1.001), 0: about(1.0)}


def test_a_packet_may_be_as_late_as_the_window_is_long() -> None:
    feedback = TransportFeedback(1, 5)
    for number in (0, WINDOW + 1):
        feedback.received(number, 1.0)
    feedback.build(1.0, 2)
    feedback.received(1, 1.0)
    assert not feedback.due(9.0)
    feedback.received(2, 1.0)
    told = merged(feedback.build(9.0, 2))
    assert (min(told), told[2]) == (2, about(1.0))
    feedback.received(0x8000, 9.0)
    feedback.build(9.0, 2)
    feedback.received(1, 9.0)  # half the range from the next one
    assert not feedback.due(99.0)


@pytest.mark.parametrize("jump", [WINDOW // 2, WINDOW, 0x7FFF])
def test_a_jump_of_the_numbers_is_no_more_work_than_a_loss(jump: int) -> None:
    feedback = TransportFeedback(1, 5)
    feedback.received(0, 1.0)
    one = steps_of(lambda: feedback.received(2, 1.0))
    assert steps_of(lambda: feedback.received(3 + jump, 1.0)) == one


@pytest.mark.parametrize(
    ("number", "ticks", "reports"), [(6, 0x7FFF, 1), (6, 0x8000, 2), (4, 0x8000, 1), (4, 0x8001, 2)]
)
def test_a_report_ends_where_a_time_does_not_fit_it(number: int, ticks: int, reports: int) -> None:
    """Of 16 bits with a sign (3.1.5)."""
    feedback = TransportFeedback(1, 5)
    feedback.received(5, 1.0)
    later = 1.0 + (ticks + 0.5) * TICK
    feedback.received(number, later)
    packets = feedback.build(later, 2)
    assert len(packets) == reports
    assert merged(packets) == {5: about(1.0), number: about(later)}


def test_the_first_of_duplicates_counts() -> None:
    feedback = TransportFeedback(1, 5)
    for number, now in ((0xFFFF, 0.9), (0, 1.0), (0, 2.0), (0xFFFF, 2.0), (0, 3.0)):
        feedback.received(number, now)
    assert merged(feedback.build(3, 2)) == {0xFFFF: about(0.9), 0: about(1.0)}


def test_the_reference_time_wraps() -> None:
    """24 bits of 64 ms: only differences count."""
    feedback = TransportFeedback(1, 5)
    start = 0.064 * 2**23 + 1
    feedback.received(1, start)
    (packet,) = feedback.build(start, 2)
    (told,) = decode(packet).arrivals.values()
    assert told == pytest.approx(start - 0.064 * 2**24, abs=TICK)


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.floats(0, 0.1), st.booleans()), max_size=100))
def test_whatever_arrives_reports_stay_small(events: list[tuple[int, float, bool]]) -> None:
    feedback = TransportFeedback(1, 5)
    now = 0.0
    for sequence, wait, build in events:
        now += wait
        feedback.received(sequence, now)
        if build:
            packets = feedback.build(now, 2)
            assert all(told is None or told <= now for told in merged(packets).values())
            assert sum(len(decode(packet).arrivals) for packet in packets) <= WINDOW
            assert feedback.build(now, 2) == []


def test_arrivals_that_were_not_reported_in_time_are_forgotten() -> None:
    feedback = TransportFeedback(1, 5)
    for n in range(5000):
        feedback.received(n, n / 1000)
    packets = feedback.build(5, 2)
    assert list(merged(packets)) == list(range(5000 - WINDOW, 5000))
    assert [len(decode(packet).arrivals) for packet in packets] == [800, WINDOW - 800]
    feedback.received(5000 + 0x8000 & 0xFFFF, 5.0)  # by half the range: it is behind, and forgotten
    assert not feedback.due(6.0)
    feedback.received(5001, 6.0)  # what was in the place of 5000 is forgotten, too
    assert merged(feedback.build(6.0, 2)) == {5000: None, 5001: about(6.0)}


@pytest.mark.parametrize(
    ("arrivals", "chunks"),
    [
        ("s" * 100, "2064"),  # a run
        ("s" * 14, "200e"),
        ("f" * 14, "200e"),
        ("s" * 13 + "..s", "bffe 9000"),  # vectors of one bit
        ("s" + "." * 30 + "s", "a000 0011 2001"),
        ("s" + "l" * 7 + "sl", "daaa e600"),  # of two bits
        ("s" * 14 + "l" * 7 + "sl", "200e 4007 d800"),  # a run of seven: a vector has no more
        ("s" * 14 + "l" * 6 + "sl", "200e eaa9 4001"),
    ],
)
def test_each_chunk_covers_the_most_packets(arrivals: str, chunks: str) -> None:
    """3.1.3, 3.1.4. Packets come (s) soon, (f) 255 ticks, or (l) long after the one before, or do not."""
    feedback, now = TransportFeedback(1, 5), 0.064
    for number, arrival in enumerate(arrivals):
        now += {"l": 0.1, "f": 0.06375}.get(arrival, 0.0)
        if arrival != ".":
            feedback.received(number, now)
    (packet,) = feedback.build(now, 2)
    wanted = bytes.fromhex(chunks)
    assert packet[20 : 20 + len(wanted)].hex(" ", 2) == chunks
