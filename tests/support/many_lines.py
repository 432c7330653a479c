"""A room on a worker, and viewers that each sit behind a line that changes: all of it but sockets and time.

The switch, the feedback and the choice of renditions are the worker's own; the publisher and what a browser
does are models. Time passes as fast as it can be computed.
"""

import math
import random
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from media.feedback.playback import ask_early
from media.rooms import ladder
from media.switch.wire import Wire
from tests.support.far_publisher import FarPublisher
from tests.support.far_viewer import FarViewer
from tests.support.layers_source import LayersSource
from tests.support.line_life import (
    LEAST_DELAY,
    LEAST_RATE,
    LEAST_SECONDS,
    MOST_DELAY,
    MOST_LOSS,
    MOST_RATE,
    MOST_SECONDS,
    longest,
)
from tests.support.line_shape import Shape, Way
from tests.support.modelled_browser import HEADERS, NUMBER_ID, OPUS, RTX, SEND_TIME_ID, VP8, ModelledBrowser
from tests.support.published import sound, video
from tests.support.world import World

STEP = 0.005
TICK_SECONDS, MEASURE_SECONDS = 0.1, 1.0
BITRATES = (1_200_000, 360_000, 105_000)
PICTURE, PICTURE_RTX = 0xAAAA0001, 0xAAAA1001
REQUEST_OCTETS = 130  # of a binding request, on the line
BACK_SECONDS = 0.002  # from the viewer to the worker, whose way is open
SETTLE_SECONDS = 3.0  # after a join
LOWEST_NEEDS = 1.25 * (110_000 + 75_000)  # bit/s, with the sound and room to spare
Away = tuple[float, float]  # from when until when the publisher was away
_FEEDBACK = frozenset(("nack pli",))
_PUBLISHED = [
    *(replace(video("VP8", payload_type=96 + layer, feedback=_FEEDBACK), layer=layer) for layer in range(3)),
    sound(),
]


class Sent(NamedTuple):
    """What is on a line: media, or a request to measure the round trip."""

    datagram: bytes | None
    sent_at: float


class TimedLine:
    """A line as `LineLife` has it; `rates`: since when it carries how much."""

    def __init__(self, seed: int, began: float, seconds: float) -> None:
        chance = random.Random(seed)
        delay = chance.uniform(LEAST_DELAY, MOST_DELAY)
        loss = chance.choice((0.0, 0.0, chance.uniform(0, MOST_LOSS)))
        self.rates: list[tuple[float, float]] = []
        at = began
        while at < began + seconds:
            self.rates.append((at, math.exp(chance.uniform(math.log(LEAST_RATE), math.log(MOST_RATE)))))
            at += chance.uniform(LEAST_SECONDS, MOST_SECONDS)
        self._shapes = [Shape(rate=rate, delay=delay, loss=loss) for _, rate in self.rates]
        self.way: Way[Sent] = Way(self._shapes[0], seed)
        self._next = 1

    def change(self, now: float) -> None:
        """Be as it is at `now`."""
        while self._next < len(self.rates) and self.rates[self._next][0] <= now:
            self.way.reshape(self._shapes[self._next], now)
            self._next += 1


class _Seat(FarViewer):
    """What the worker sends to it goes into a line."""

    def __init__(self, room: "LinesRoom", way: Way[Sent]) -> None:
        self._way = way
        picture = Wire(VP8, {}, nack=True, rtx=RTX, sent_at=SEND_TIME_ID, number=NUMBER_ID, ssrc=PICTURE)
        wires = [*[picture] * 3, Wire(OPUS, {}, sent_at=SEND_TIME_ID), picture, picture]
        super().__init__(room, wires, rendition=0)

    def receive(self, datagram: bytes) -> None:
        self._way.enter(len(datagram) + HEADERS, Sent(datagram, self.room.now), self.room.now)

    def decrypt(self, datagram: bytes) -> tuple[bytes, bool]:
        """A packet, and whether it is RTCP."""
        if 192 <= datagram[1] <= 223:
            return self._end.unprotect_rtcp(datagram), True
        return self._end.unprotect(datagram), False


class LineSeat:
    """One viewer, its line, and the worker's side of it."""

    def __init__(self, room: "LinesRoom", line: TimedLine) -> None:
        ask_early(room.feed, room.feedback, room.now, 0)
        self.line = line
        self.began, self.ended = room.now, math.inf
        self._far = _Seat(room, line.way)
        self._playback = self._far.playback
        self._said: list[tuple[float, bytes]] = []  # when it arrives
        self._answers: list[tuple[float, float]] = []  # the same, of the request that was sent then
        self.browser = ModelledBrowser(
            lambda rtcp: self._said.append((room.now + BACK_SECONDS, rtcp)), room.now
        )
        self.browser.estimates()
        self.browser.tells_arrivals()
        self._step_at = room.now
        self._measured_at = -math.inf

    def tick(self, now: float) -> None:
        """What a session does several times a second."""
        if reports := self._playback.tick(now):
            self._far.receive(self._playback.sender.protect_rtcp(reports))
        if now - self._measured_at >= self._playback.measure_seconds - 0.02:
            self._measured_at = now
            self.line.way.enter(REQUEST_OCTETS, Sent(None, now), now)

    def step(self, now: float) -> None:
        self.line.change(now)
        for datagram, sent_at in self.line.way.leave(now):
            if datagram is None:
                self._answers.append((now + BACK_SECONDS, sent_at))
                continue
            plain, is_rtcp = self._far.decrypt(datagram)
            take = self.browser.take_rtcp if is_rtcp else self.browser.take_packet
            take(plain, len(datagram), now)
        self.browser.tick(now)
        while self._said and self._said[0][0] <= now:
            self._playback.receive(self._said.pop(0)[1], now)
        while self._answers and self._answers[0][0] <= now:
            self._playback.measured(now - self._answers.pop(0)[1], now)
        if self._playback.steps and now >= self._step_at:
            self._step_at = now + (self._playback.step(now) or 0.0)

    def leave(self, now: float) -> None:
        self.ended = now
        self._far.leave()

    # --- what it saw, until it left

    def still(self, away: Away) -> float:
        """The longest time without a picture while the line carried the lowest layer, in seconds."""
        pictures, most = [at for at, _ in self.browser.seen().pictures], 0.0
        for begin, end in self._parts(away):
            shown = [begin, *(at for at in pictures if begin < at < end), end]
            stills = (longest(self.line.rates, LOWEST_NEEDS, *between) for between in pairwise(shown))
            most = max(most, *stills)
        return most

    def concealed(self, away: Away) -> float:
        """The share of the sound that it did not hear."""
        spans = [self.browser.seen().between(*part) for part in self._parts(away)]
        return sum(span.concealed * span.seconds for span in spans) / sum(span.seconds for span in spans)

    def _parts(self, away: Away) -> list[Away]:
        """Its stay without the time in which the publisher was away."""
        begin = self.began + SETTLE_SECONDS
        parts = [(begin, min(self.ended, away[0])), (max(begin, away[1]), self.ended)]
        return [(start, end) for start, end in parts if end - start > 1.0]


class LinesRoom(World):
    """Advance it by `run`."""

    def __init__(self, seed: int) -> None:
        publisher = FarPublisher(_PUBLISHED, ssrcs=range(0x51, 0x51 + len(_PUBLISHED)))
        super().__init__(_PUBLISHED, join_burst="auto", publisher=publisher, thinned=True)
        for layer, track in enumerate(self.tracks[:3]):
            track.sent.ssrc, track.sent.rtx_ssrc = PICTURE + layer, PICTURE_RTX + layer
        self.feed.ssrcs = [sent.ssrc for sent in self.feed.sent]
        self._seed = seed
        self.source: LayersSource | None = LayersSource(publisher, BITRATES, seed, self.now)
        self.seats: list[LineSeat] = []
        self._tick_at = self._measure_at = self.now

    def lose_publisher(self) -> None:
        """Without a word."""
        self.source = None

    def come_back(self) -> None:
        """The publisher does, with a new session."""
        publisher = FarPublisher(_PUBLISHED, ssrcs=range(0x91, 0x91 + len(_PUBLISHED)))
        self.succeed(publisher=publisher)
        self.source = LayersSource(publisher, BITRATES, self._seed + 1, self.now)

    def watch(self, line: TimedLine) -> LineSeat:
        seat = LineSeat(self, line)
        self.seats.append(seat)
        return seat

    def leave(self, seat: LineSeat) -> None:
        self.seats.remove(seat)
        seat.leave(self.now)

    def run(self, seconds: float) -> None:
        """Let that much time pass."""
        until = self.now + seconds
        while self.now < until:
            self.now += STEP
            self._step(self.now)

    def _step(self, now: float) -> None:
        if self.source is not None and (datagrams := self.source.due(now)):
            self.receive(*datagrams)
        elif self.rtcp_due_at is not None and now >= self.rtcp_due_at:
            self.send_due_rtcp()
        if now >= self._tick_at:
            self._tick_at += TICK_SECONDS
            self.feedback.tick(now)
            if now >= self._measure_at:
                self._measure_at += MEASURE_SECONDS
                self._measure(now)
            for seat in self.seats:
                seat.tick(now)
        for seat in self.seats:
            seat.step(now)

    def _measure(self, now: float) -> None:
        """As `Room` does."""
        for sent in self.feed.sent:
            sent.measure(now)
        self.feed.ladder = ladder.measure(self.feed, self.tracks, now)
