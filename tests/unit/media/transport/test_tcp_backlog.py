"""What a slow connection gets: the urgent first, sound before pictures, and nothing that comes too late."""

import random

import pytest

from media.counts import TcpStats
from media.transport.tcp_backlog import (
    CHUNK_BYTES,
    MOST_OTHER_BYTES,
    MOST_PICTURE_BYTES,
    MOST_SOUND_BYTES,
    PICTURE_SECONDS,
    SOUND_SECONDS,
    TcpBacklog,
)
from media.transport.tcp_frames import FrameReader, framed

OPUS, VP8, RTX = 111, 96, 97
MOST_BYTES = CHUNK_BYTES + MOST_PICTURE_BYTES + MOST_SOUND_BYTES + MOST_OTHER_BYTES


def in_stream(datagram: bytes) -> bytes:
    return framed(datagram, len(datagram))


def rtp(payload_type: int, number: int, size: int = 100) -> bytes:
    return in_stream(bytes((0x80, payload_type)) + number.to_bytes(2) + bytes(size))


STUN = in_stream(b"\x01\x01" + bytes(18))
DTLS = in_stream(b"\x17\xfe\xfd" + bytes(20))
RTCP = in_stream(b"\x80\xc8" + bytes(20))


class Line:
    """A backlog behind a connection; time passes when a test sets `now`."""

    def __init__(self) -> None:
        self.now = 100.0
        self.stats = TcpStats()
        self.backlog = TcpBacklog(self.stats)
        self.backlog.sound_types = frozenset((OPUS,))
        self.reader = FrameReader()

    def add(self, *packets: bytes) -> None:
        self.backlog.add(packets, self.now)

    def takes(self, most: int = 1 << 30) -> list[bytes]:
        """The packets that arrive when the connection takes `most` bytes more, as they are in the stream."""
        came = []
        while most and (chunk := self.backlog.chunk(self.now)):
            part = chunk[:most]
            self.backlog.sent(len(part))
            most -= len(part)
            came += [in_stream(datagram) for datagram in self.reader.feed(part)]
        return came


@pytest.fixture
def line() -> Line:
    return Line()


def test_sound_goes_before_pictures_and_the_rest_before_sound(line: Line) -> None:
    pictures, sounds = [rtp(VP8, 1), rtp(RTX, 1), rtp(VP8, 2)], [rtp(OPUS, 1), rtp(OPUS, 2)]
    line.add(pictures[0], sounds[0], STUN, *pictures[1:], RTCP, sounds[1], DTLS)
    assert line.takes() == [STUN, RTCP, DTLS, *sounds, *pictures]
    assert line.backlog.octets == 0
    assert line.backlog.waited(line.now) == 0


def test_a_packet_that_has_begun_is_ended_before_any_other(line: Line) -> None:
    picture = rtp(VP8, 1)
    assert line.reader.feed(picture[:40]) == []
    line.backlog.go_on(picture[40:], line.now)
    line.add(STUN)
    line.now += 60.0
    assert line.takes() == [picture, STUN]


def test_the_stream_stays_whole_however_little_the_connection_takes(line: Line) -> None:
    chance = random.Random(1)
    came: list[bytes] = []
    kinds = (rtp(OPUS, 0)[:4], rtp(VP8, 0)[:4], RTCP[:4])
    for number in range(2000):
        datagram = chance.choice(kinds)[2:] + number.to_bytes(2) + bytes(chance.choice((20, 600, 1200)))
        line.add(in_stream(datagram))
        line.now += 0.005
        came += line.takes(chance.choice((0, 1, 900, 1100)))
    came += line.takes()
    numbers = {kind: [int.from_bytes(p[4:6]) for p in came if p[2:4] == kind[2:4]] for kind in kinds}
    assert all(found == sorted(set(found)) for found in numbers.values())
    assert len(numbers[kinds[2]]) + len(numbers[kinds[0]]) > 1200  # nearly all of them
    assert line.backlog.cuts > 0
    assert len(came) + line.stats.dropped_packets == 2000


def test_a_picture_that_is_late_takes_all_others_with_it_and_no_sound(line: Line) -> None:
    line.add(rtp(VP8, 1))
    line.now += PICTURE_SECONDS
    line.add(rtp(VP8, 2), rtp(OPUS, 1), DTLS)
    assert line.backlog.cuts == 0
    line.now += 0.1
    assert line.takes() == [DTLS, rtp(OPUS, 1)]
    assert line.backlog.cuts == 1
    assert (line.stats.dropped_packets, line.stats.dropped_octets) == (2, 2 * len(rtp(VP8, 1)) - 4)


def test_sound_that_is_late_goes_alone(line: Line) -> None:
    for number in range(100):
        line.now += 1 / 64
        line.add(rtp(OPUS, number))
    kept = 1 + round(SOUND_SECONDS * 64)
    assert line.takes() == [rtp(OPUS, number) for number in range(100 - kept, 100)]
    assert line.backlog.cuts == 0


def test_what_is_handed_over_at_a_time_ends_with_the_packet_that_fills_it(line: Line) -> None:
    nearly_all = in_stream(DTLS[2:].ljust(CHUNK_BYTES - 3, b"x"))
    line.add(nearly_all, STUN, STUN)
    assert line.backlog.chunk(line.now) == nearly_all + STUN


@pytest.mark.parametrize(
    "packet", [rtp(VP8, 1, 1018), rtp(OPUS, 1, 1200), RTCP, DTLS], ids=["pictures", "sound", "RTCP", "DTLS"]
)
def test_memory_is_bounded_whatever_comes_at_once(line: Line, packet: bytes) -> None:
    for _ in range(200):
        line.add(*(packet,) * 50)
        assert line.backlog.octets <= MOST_BYTES
    assert len(line.backlog.chunk(line.now)) - CHUNK_BYTES in range(len(packet))
    assert line.stats.dropped_packets > 0
    assert all(arrived == packet for arrived in line.takes())


@pytest.mark.parametrize(
    ("first", "most"),
    [
        (rtp(VP8, 1)[2:6], MOST_PICTURE_BYTES),
        (rtp(OPUS, 1)[2:6], MOST_SOUND_BYTES),
        (DTLS[2:6], MOST_OTHER_BYTES),
    ],
    ids=["pictures", "sound", "others"],
)
def test_as_much_as_may_wait_does_and_a_byte_more_does_not(line: Line, first: bytes, most: int) -> None:
    packets = [in_stream(first.ljust(698, b"x"))] * (most // 700 - 1)
    last = most - 700 * len(packets) - 2
    line.add(*packets, in_stream(first.ljust(last, b"x")))
    assert (line.backlog.octets, line.stats.dropped_packets) == (most, 0)
    assert len(line.takes()) == len(packets) + 1
    line.add(*packets, in_stream(first.ljust(last + 1, b"x")))
    assert line.stats.dropped_packets > 0


def test_what_waits_is_timed_from_its_oldest_packet(line: Line) -> None:
    line.add(rtp(OPUS, 1))
    line.now += 0.25
    line.add(RTCP, rtp(VP8, 1))
    assert line.backlog.waited(line.now) == pytest.approx(0.25)
    line.backlog.sent(len(line.backlog.chunk(line.now)) - 5)
    line.now += 0.25
    assert line.backlog.waited(line.now) == pytest.approx(0.5)
    line.takes()
    assert line.backlog.waited(line.now) == 0
    assert line.backlog.octets_sent == 2 * len(rtp(VP8, 1)) + len(RTCP)
