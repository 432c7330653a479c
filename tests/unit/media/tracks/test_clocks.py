"""Reports count as RFC 3550 does, and what viewers are told keeps sound and picture together."""

import random
import struct
from itertools import pairwise

import pytest

from media.rtp.packet import RtpPacket
from media.rtp.rtcp import ReportBlock, SenderReport
from media.tracks.clocks import STAMP_SECONDS, CaptureStamps, PublisherClock, SenderClock
from media.tracks.reception import ReceptionStats
from tests.support.runs import run_of

UNIX = 1_700_000_000.0
NTP_EPOCH = 2_208_988_800


def received(sequences: list[int]) -> ReceptionStats:
    stats = ReceptionStats(5, 90_000)
    for sequence in sequences:
        stats.received(sequence & 0xFFFF, (0,), 0.0)
    return stats


def block_of(stats: ReceptionStats, now: float = 0.0) -> ReportBlock:
    block = stats.take_block(now)
    assert block is not None
    return block


def test_nothing_received_is_no_loss_and_has_no_block() -> None:
    stats = received([])
    assert (stats.take_block(1.0), stats.loss, stats.jitter) == (None, 0, 0)


@pytest.mark.parametrize(
    ("sequences", "lost", "fraction", "highest"),
    [
        ([7], 0, 0, 7),
        (list(range(100)), 0, 0, 99),
        ([0, 2], 1, 256 // 3, 2),
        ([0, 3, 2, 1], 0, 0, 3),  # reordered
        ([0, 1, 1, 1], -2, 0, 1),  # duplicates
        ([65534, 65535, 65536, 65537], 0, 0, 65537),  # over the wrap
        ([65535, 65537], 1, 256 // 3, 65537),
        ([65536 + 5, 65535 + 5], -1, 0, 5),  # the first came late: not expected, but received
        ([0, 9], 8, 8 * 256 // 10, 9),
        ([0, 0x7FFF], 0x7FFE, 255, 0x7FFF),
        ([0, 0x8000], -1, 0, 0),  # half the range ahead is behind
        ([n for n in range(200_000) if n % 4], 50_000 - 1, 64 - 1, 199_999),
    ],
)
def test_losses_table(sequences: list[int], lost: int, fraction: int, highest: int) -> None:
    block = block_of(received(sequences))
    assert (block.ssrc, block.packets_lost, block.highest_sequence) == (5, lost, highest)
    assert block.fraction_lost == fraction


def test_the_fraction_is_since_the_block_before() -> None:
    stats = received([0, 9])
    assert block_of(stats).fraction_lost == 204
    assert stats.loss == 0.8
    for sequence in range(10, 20):
        stats.received(sequence, (0,), 0.0)
    assert block_of(stats).fraction_lost == 0
    assert stats.loss == 0
    stats.received(10, (0,), 0.0)  # late, or twice
    assert block_of(stats).fraction_lost == 0
    assert stats.loss == 0
    assert block_of(stats).fraction_lost == 0  # nothing since
    assert stats.loss == 0
    stats.received(21, (0,), 0.0)
    block = block_of(stats)
    assert block.fraction_lost == 128
    assert block.packets_lost == 8


def test_counts_are_clamped_to_their_fields() -> None:
    stats = ReceptionStats(5, 90_000)
    for n in range(600):
        stats.received(n * 32_767 & 0xFFFF, (0,), 0.0)
    block = block_of(stats)
    assert block.packets_lost == 0x7FFFFF
    assert block.fraction_lost == 255
    stats._base = stats._highest = 0x1_FFFF_FFFF
    stats._received = 1 << 24
    block = block_of(stats)
    assert (block.packets_lost, block.highest_sequence) == (-0x800000, 0xFFFFFFFF)


def reference_jitter(arrivals: list[float], timestamps: list[int], rate: int) -> float:
    """RFC 3550 A.8 with numbers that do not wrap."""
    jitter = 0.0
    transits = [int(a * rate) - t for a, t in zip(arrivals, timestamps, strict=True)]
    for before, after in pairwise(transits):
        jitter += (abs(after - before) - jitter) / 16
    return jitter


@pytest.mark.parametrize("start", [0, 2**32 - 5_000, 2**31 - 5_000])
def test_jitter_is_that_of_the_rfc_over_the_wrap(start: int) -> None:
    rng = random.Random(start)
    timestamps = [start + 3_000 * n for n in range(300)]
    arrivals = [1000.0 + n / 30 + rng.uniform(0, 0.02) for n in range(300)]
    stats = ReceptionStats(5, 90_000)
    for n, (arrival, timestamp) in enumerate(zip(arrivals, timestamps, strict=True)):
        stats.received(n, (timestamp & 0xFFFFFFFF,), arrival)
    jitter = block_of(stats).jitter
    assert jitter == int(reference_jitter(arrivals, timestamps, 90_000))
    assert 300 < jitter < 1_800
    assert int(stats.jitter * 90_000) == jitter


def test_the_longest_way_between_two_transits_is_half_the_range() -> None:
    stats = ReceptionStats(5, 1)
    for n, timestamp in enumerate((1, 2**30 + 2, 1, 2**31 + 1)):
        stats.received(n, (timestamp,), 0.0)
    changes = [2**30 + 1, 2**30 + 1, 2**31]
    jitter = 0.0
    for change in changes:
        jitter += (change - jitter) / 16
    assert block_of(stats).jitter == int(jitter)
    assert stats.jitter == jitter


def test_the_last_report_and_its_age_are_reported() -> None:
    stats = received([1])
    assert (block_of(stats).last_report, block_of(stats).delay) == (0, 0)
    stats.sender_report(SenderReport(5, 0x1122334455667788, 0, 0, 0), now=10.0)
    block = block_of(stats, now=11.5)
    assert block.last_report == 0x33445566
    assert block.delay == 0x18000
    assert block_of(stats, now=1e9).delay == 0xFFFFFFFF
    stats.sender_report(SenderReport(5, 2**64 - 1, 0, 0, 0), now=10.0)
    assert block_of(stats, now=10.0).last_report == 0xFFFFFFFF


def ntp(seconds: float) -> int:
    return round(seconds * 2**32)


def test_there_is_no_report_before_any_packet_nor_by_one_without_a_clock() -> None:
    clock = SenderClock(PublisherClock(UNIX), 90_000)
    assert clock.report_at(1.0) is None
    clock.sender_report(0, 5, now=1.0)
    assert clock.report_at(1.0) is None


def test_without_a_report_the_latest_packet_stands_in() -> None:
    clock = SenderClock(PublisherClock(UNIX), 90_000)
    clock.received(1_000, now=10.0)
    clock.received(2**32 - 1_000, now=20.0)
    report = clock.report_at(21.0)
    assert report is not None
    assert report[0] == ntp(UNIX + NTP_EPOCH + 21.0)
    assert report[1] == 90_000 - 1_000


def test_reports_go_on_in_the_next_era_of_ntp() -> None:
    """RFC 5905 6: it begins in 2036."""
    clock = SenderClock(PublisherClock(2**32 - NTP_EPOCH), 90_000)
    clock.received(0x80000001, now=5.5)
    assert clock.report_at(5.5) == (ntp(5.5), 0x80000001)


def test_of_round_trips_the_shortest_counts_at_once_and_longer_ones_by_a_share() -> None:
    publisher = PublisherClock(UNIX)
    for round_trip, expected in ((0.2, 0.2), (0.1, 0.1), (0.42, 0.11)):
        publisher.measured(round_trip)
        assert publisher.round_trip == pytest.approx(expected)


@pytest.mark.parametrize("ntp_time", [1, 2**63, 2**64 - 1])
@pytest.mark.parametrize("timestamp", [0, 2**32 - 1])
def test_any_report_gives_numbers_that_fit(ntp_time: int, timestamp: int) -> None:
    publisher = PublisherClock(UNIX)
    clock = SenderClock(publisher, 90_000)
    for now, time in ((1.0, ntp_time), (2.0, 1), (3.0, ntp_time)):
        clock.sender_report(time, timestamp, now)
        report = clock.report_at(now + 1e6)
        assert report is not None
        assert 0 <= report[0] < 2**64
        assert 0 <= report[1] < 2**32


class Track:
    """A track whose capture instants are known, and what a viewer would make of its reports."""

    def __init__(self, publisher: PublisherClock, rate: int, start: int, source_ppm: float = 0.0) -> None:
        self.clock = SenderClock(publisher, rate)
        self.rate = rate
        self.start = start
        self.speed = 1 + source_ppm * 1e-6  # of all of the publisher's clocks

    def timestamp(self, time: float) -> int:
        return round(self.start + time * self.speed * self.rate) & 0xFFFFFFFF

    def packet(self, sent: float, delay: float) -> None:
        self.clock.received(self.timestamp(sent), sent + delay)

    def report(self, sent: float, delay: float, publisher_ntp: float) -> None:
        self.clock.sender_report(ntp(publisher_ntp + sent * self.speed), self.timestamp(sent), sent + delay)

    def plays_at(self, captured: float, now: float) -> float:
        """The NTP time at which a viewer that got a report at `now` plays what was captured then."""
        report = self.clock.report_at(now)
        assert report is not None
        behind = report[1] - self.timestamp(captured) + 2**31 & 0xFFFFFFFF
        return report[0] / 2**32 - (behind - 2**31) / self.rate


def test_lips_stay_in_sync_over_drift_delay_and_loss_of_reports() -> None:
    rng = random.Random(1)
    publisher = PublisherClock(UNIX)
    audio = Track(publisher, 48_000, 2**32 - 100_000, source_ppm=200)
    video = Track(publisher, 90_000, 12_345, source_ppm=200)
    for second in range(3600):
        if second % 5 == 0 and rng.random() > 0.3:
            audio.report(second, rng.uniform(0.02, 0.2), publisher_ntp=99.0)
        if second % 3 == 0 and rng.random() > 0.3:
            video.report(second + 0.4, rng.uniform(0.02, 0.2), publisher_ntp=99.0)
        if second > 60:
            now = second + 0.9
            skew = audio.plays_at(second, now) - video.plays_at(second, now)
            assert abs(skew) < 0.010, f"after {second} s"
            age = now + UNIX + NTP_EPOCH - audio.plays_at(now, now)
            assert abs(age) < 0.3  # the viewers' idea of when it was captured does not drift away


def test_a_track_that_has_no_report_yet_is_close_to_one_that_has() -> None:
    publisher = PublisherClock(UNIX)
    audio, video = Track(publisher, 48_000, 7), Track(publisher, 90_000, 9)
    audio.report(1.0, 0.05, publisher_ntp=5e6)
    video.packet(1.1, 0.07)
    assert abs(audio.plays_at(1.0, 2.0) - video.plays_at(1.0, 2.0)) < 0.03
    video.report(2.0, 0.03, publisher_ntp=5e6)
    video.packet(2.1, 0.5)  # arrival counts no more
    assert abs(audio.plays_at(1.0, 3.0) - video.plays_at(1.0, 3.0)) < 0.001


def test_a_step_of_the_publishers_clock_is_followed() -> None:
    publisher = PublisherClock(UNIX)
    audio, video = Track(publisher, 48_000, 7), Track(publisher, 90_000, 9)
    for track in (audio, video):
        track.report(1.0, 0.05, publisher_ntp=5e6)
    audio.report(3.0, 0.05, publisher_ntp=6e6)
    assert abs(audio.plays_at(3.0, 3.5) - video.plays_at(3.0, 3.5)) < 0.001
    video.report(4.0, 0.05, publisher_ntp=6e6)
    assert abs(audio.plays_at(3.0, 4.5) - video.plays_at(3.0, 4.5)) < 0.001


@pytest.mark.parametrize(
    "timestamps", [[9000] * 4, [9000, 9000, 12_000, 12_000], [12_000, 9000, 9000, 15_000]]
)
@pytest.mark.parametrize("first", [3, 0xFFFE])
def test_a_run_counts_as_its_packets(timestamps: list[int], first: int) -> None:
    together, singly = ReceptionStats(5, 90_000), ReceptionStats(5, 90_000)
    for stats in (together, singly):
        stats.received(first - 2, (6000,), 10.0)
    together.received(first, timestamps, 10.1)
    for n, timestamp in enumerate(timestamps):
        singly.received(first + n & 0xFFFF, (timestamp,), 10.1)
    assert together.take_block(11.0) == singly.take_block(11.0)
    assert together.jitter == singly.jitter


def test_the_next_publisher_goes_on_in_the_time_of_the_one_before_it() -> None:
    former = Track(PublisherClock(UNIX), 90_000, 7)
    former.report(1.0, 0.05, publisher_ntp=5e6)
    for rate, at in ((90_000, former.clock.report_at(3.0)), (48_000, None)):
        clock = SenderClock(PublisherClock(UNIX), rate)
        clock.succeed(former.clock)
        assert clock.report_at(3.0) == at
        assert clock.captured(7, 21.0) is None  # by its own clock
    assert former.clock.report_at(3.0) is not None


def test_what_was_reported_is_forgotten_and_time_goes_on() -> None:
    clock, _ = captured_by(0.1)
    before = clock.report_at(21.0)
    clock.forget_reports()
    assert (clock.report_at(21.0), clock.captured(1_000, 21.0)) == (before, None)
    clock.received(1_000 + 90_000, now=22.05)
    assert clock.report_at(22.05) == (ntp(UNIX + NTP_EPOCH + 22.05), 1_000 + 90_000 + 4_500)


# --- when media was captured


def captured_by(round_trip: float, wrong: float = 0.0) -> tuple[SenderClock, float]:
    """A clock after one report of half a round trip, and the time on ours at which its media was captured.

    The publisher's own clock is `wrong` by so much.
    """
    clock = SenderClock(PublisherClock(UNIX), 90_000)
    clock.publisher.measured(round_trip)
    assert clock.publisher.round_trip == round_trip
    clock.sender_report(ntp(UNIX + NTP_EPOCH + 20.0 + wrong), 1_000, now=20.0 + round_trip / 2)
    return clock, UNIX + NTP_EPOCH + 20.0


@pytest.mark.parametrize("round_trip", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("wrong", [-5.0, 0.0, 5.0])
def test_media_is_dated_by_reports_and_half_a_round_trip(round_trip: float, wrong: float) -> None:
    clock, at = captured_by(round_trip, wrong)
    assert clock.captured(1_000, 21.0) == pytest.approx(at, abs=1e-4)
    assert clock.captured(1_000 + 90_000, 21.0) == pytest.approx(at + 1, abs=1e-4)
    assert clock.captured(2**32 + 1_000 - 180_000, 21.0) == pytest.approx(at - 2, abs=1e-4)
    assert clock.age(1_000, 20.25) == pytest.approx(0.25, abs=1e-4)
    report = clock.report_at(21.0)
    assert report is not None
    assert report[1] == pytest.approx(1_000 + 90_000, abs=9)


def test_what_comes_late_by_a_queue_is_no_age_of_media() -> None:
    """Neither a report nor a round trip: queues only add to a way."""
    publisher = PublisherClock(UNIX)
    tracks = [SenderClock(publisher, 90_000) for _ in range(2)]
    for now, round_trip, queue in ((20.0, 0.3, 0.08), (21.0, 0.1, 0.0), (22.0, 0.4, 0.3)):
        publisher.measured(round_trip)
        for track in tracks:
            track.sender_report(ntp(UNIX + NTP_EPOCH + now), round(90_000 * now), now + 0.05 + queue)
        if now > 20.0:
            for track in tracks:
                assert track.age(round(90_000 * now), now + 0.2) == pytest.approx(0.2, abs=0.03)
    [first, second] = (track.captured(90_000 * 22, now) for track in tracks)
    assert first == second  # nor do sound and picture come apart


def test_a_way_that_has_become_longer_is_believed() -> None:
    publisher = PublisherClock(UNIX)
    clock = SenderClock(publisher, 90_000)
    for second in range(300):
        way = 0.05 if second < 20 else 0.15
        publisher.measured(2 * way)
        clock.sender_report(ntp(UNIX + NTP_EPOCH + second), 90_000 * second, second + way)
    assert clock.age(90_000 * 299, 299.5) == pytest.approx(0.5, abs=0.005)


def test_without_a_report_nobody_knows_when_media_was_captured() -> None:
    clock = SenderClock(PublisherClock(UNIX), 90_000)
    clock.received(1_000, now=10.0)
    assert clock.captured(1_000, 21.0) is None
    assert clock.age(1_000, 10.0) is None


@pytest.mark.parametrize(("hours", "known"), [(6.5, True), (6.7, False), (10, False), (13.3, False)])
def test_after_a_night_nobody_knows_before_the_next_report(hours: float, known: bool) -> None:
    """Half of the range of timestamps is 6.6 h of a picture."""
    clock, at = captured_by(0.1)
    now, timestamp = 20.05 + hours * 3600, round(1_000 + hours * 3600 * 90_000) & 0xFFFFFFFF
    captured = clock.captured(timestamp, now)
    assert captured == (pytest.approx(at + hours * 3600, abs=1e-3) if known else None)
    assert (clock.age(timestamp, now) is not None) == known
    clock.sender_report(ntp(at + hours * 3600), timestamp, now)
    assert clock.captured(timestamp, now) == pytest.approx(at + hours * 3600, abs=1e-3)


@pytest.mark.parametrize("count", [1, 2])
def test_one_packet_a_second_says_when_it_was_captured(count: int) -> None:
    clock, at = captured_by(0.1)
    stamps = CaptureStamps(clock, 255)
    packets = [RtpPacket(False, False, 96, n, 1_000 + 960 * n, 1, (), b"%d" % n) for n in range(count)]
    run = run_of(*packets, first=70_000)
    stamped = stamps.stamped(run, 20.0)
    assert [len(part) for part in stamped] == [1] * count
    [element] = stamped[0].packet(0).extensions
    assert element[0] == 255
    seconds, fraction, offset = struct.unpack("!IIq", element[1])
    assert seconds + fraction / 2**32 == pytest.approx(at, abs=1e-4)
    assert offset == 0
    assert [part.first for part in stamped] == [70_000, 70_001][:count]
    assert [body for part in stamped for body in part.payloads()] == [b"0", b"1"][:count]
    assert stamps.due_at == 20.0 + STAMP_SECONDS


def test_who_does_not_report_gets_no_stamps() -> None:
    run = run_of(RtpPacket(False, False, 96, 1, 1_000, 1, (), b"media"))
    assert CaptureStamps(SenderClock(PublisherClock(UNIX), 90_000), 255).stamped(run, 1.0) == [run]
