"""A publisher of sound and picture whose clocks are its own, and what a recording makes of their times.

Time is the test's. Sound and picture that were taken at one instant must play at one instant.
"""

import heapq
import random
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, pairwise

from media.recording.layered_reader import LayeredReader
from media.recording.timeline import Placed, Timeline
from media.rtp.packet import RtpPacket
from media.tracks.source_report import SourceReport
from tests.support.runs import run_of

SOUND, PICTURE = 0, 1
RATES = (48_000, 90_000)
PACKET = 0.12  # seconds of sound
_KEY = b"\x10\x00\x00\x00\x9d\x01\x2a\x40\x01\xf0\x00"  # VP8: a frame in one packet, 320 x 240
_SOUND = b"\xfb\x06" + bytes(10)  # Opus: six frames of 20 ms
_serials = count(1)


@dataclass
class Publisher:
    """Times are seconds of the test. `times` are when pictures are taken.

    A track's clock is fast by `ppm`, its packets take `delay` and up to `jitter`. Sender reports come `every`
    so often; the publisher's clock is written into them `noise` late at most, and `wrong` says which of them,
    by number, are off by how much. From `step` on (when, by how much) that clock is another one. In a `pause`
    (of which track, from, to) nothing comes: its clock stands still, or what was `held` comes after it.
    """

    begin: float
    end: float
    times: Sequence[float]
    ppm: tuple[float, float] = (0.0, 0.0)
    delay: tuple[float, float] = (0.02, 0.05)
    jitter: float = 0.0
    every: tuple[float, float] = (5.0, 1.0)
    noise: float = 0.0
    wrong: dict[int, float] = field(default_factory=dict)
    step: tuple[float, float] = (1e9, 0.0)
    reports: bool = True
    pause: tuple[int, float, float] = (0, 1e9, 1e9)
    held: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        chance = random.Random(self.seed)
        self.chance = chance
        self.serial = next(_serials)
        self.first = [chance.getrandbits(32) for _ in RATES]
        self.clock = chance.uniform(3e9, 4e9)

    def timestamp(self, track: int, at: float) -> int:
        paused, since, until = self.pause
        if track == paused and not self.held and at >= until:
            at -= until - since
        ticks = (at - self.begin) * RATES[track] * (1 + self.ppm[track] / 1e6)
        return self.first[track] + round(ticks) & 0xFFFFFFFF

    def media(self, track: int) -> Iterator[tuple[float, int, float, bool]]:
        """(arrives, track, taken, is a report), in order of arrival."""
        taken = self.times
        if track == SOUND:
            taken = [self.begin + PACKET * n for n in range(round((self.end - self.begin) / PACKET))]
        arrives, due = 0.0, self.begin + self.every[track] / 2
        paused, since, until = self.pause
        for at in taken:
            if track == paused and since <= at < until:
                if not self.held:
                    continue
                arrives = until
            arrives = max(arrives, at + self.delay[track] + self.chance.uniform(0, self.jitter))
            yield arrives, track, at, False
            if self.reports and at >= due:
                due += self.every[track]
                yield arrives + 0.001, track, at, True

    def report(self, track: int, number: int, at: float) -> tuple[float, int]:
        clock = self.clock + at + (self.step[1] if at >= self.step[0] else 0.0)
        clock += self.chance.uniform(0, self.noise) + self.wrong.get(number, 0.0)
        return clock, self.timestamp(track, at)


@dataclass(frozen=True)
class Seen:
    """One frame: when it was taken and by whom, its source, the publisher's time of it, and when it plays."""

    taken: float
    publisher: int
    source: tuple[int, ...]
    ticks: int
    plays: float


def record(*publishers: Publisher) -> tuple[list[Seen], list[Seen]]:
    """What is made of publishers that succeed each other: sound and picture, as they were placed."""
    readers = [LayeredReader("opus", RATES[0], [SOUND]), LayeredReader("VP8", RATES[1], [PICTURE])]
    timeline = Timeline(RATES, SOUND)
    seen: tuple[list[Seen], list[Seen]] = ([], [])
    taken: list[dict[int, tuple[float, int]]] = [{}, {}]  # by placed timestamp
    index = [0, 0]
    latest: list[tuple[float, int]] = [(0.0, 777), (0.0, 0xFFFF_0000)]  # arrival and room timestamp

    def note(placed: Sequence[Placed]) -> None:
        for one in placed:
            at, publisher = taken[one.track].pop(one.frame.timestamp)
            ticks = one.frame.timestamp
            seen[one.track].append(Seen(at, publisher, one.frame.source, ticks, one.seconds))

    for publisher in publishers:
        translation: list[int | None] = [None, None]
        reports = [0, 0]
        for now, track, at, is_report in heapq.merge(publisher.media(SOUND), publisher.media(PICTURE)):
            offset = translation[track]
            if is_report:
                assert offset is not None
                ntp, own = publisher.report(track, reports[track], at)
                reports[track] += 1
                said = SourceReport(publisher.serial, ntp, own + offset & 0xFFFFFFFF, offset)
                readers[track].report(track, said)
                continue
            own = publisher.timestamp(track, at)
            if offset is None:  # as the room continues with another source
                since, stamp = latest[track]
                apart = round((now - since) * RATES[track]) if since else 0
                offset = translation[track] = stamp + apart - own & 0xFFFFFFFF
            stamp = own + offset & 0xFFFFFFFF
            latest[track] = now, stamp
            index[track] += 1
            payload = _SOUND if track == SOUND else _KEY
            packet = RtpPacket(False, True, 96, index[track] & 0xFFFF, own, 1, (), payload)
            run = run_of(packet, track=track, first=index[track], shift=offset)
            [frame] = readers[track].push(run, now)
            taken[track][frame.timestamp] = at, publisher.serial
            note(timeline.push(track, frame, now))
    note(timeline.close())
    return seen


def lips_apart(sound: Sequence[Seen], picture: Seen) -> float:
    """Seconds by which a picture plays later than the sound of the same instant."""
    place = bisect_right(sound, picture.taken, key=lambda one: one.taken) - 1
    before = sound[max(0, place)]
    return picture.plays - (before.plays + picture.taken - before.taken)


def spacing_errors(track: int, seen: Sequence[Seen]) -> Iterator[tuple[float, float]]:
    """(error, distance): how far each two frames of one source are off their distance by the timestamps."""
    for one, other in pairwise(seen):
        if one.source == other.source:
            apart = (other.ticks - one.ticks) / RATES[track]
            yield abs(other.plays - one.plays - apart), apart
