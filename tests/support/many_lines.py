"""A room on a worker, and viewers that each sit behind a line that changes: all of it but sockets and time.

The switch, the feedback and the choice of renditions are the worker's own; the publisher and what a browser
does are models. Time passes as fast as it can be computed.
"""

import math
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from enum import Enum, auto
from itertools import pairwise
from typing import NamedTuple, Protocol, Self

from media.counts import TcpStats
from media.feedback.playback import ask_early
from media.line.handshake_train import HandshakeTrain, Measured
from media.line.packet_train import PACKETS, UDP_OCTETS
from media.negotiation.agreed_tracks import PublishedTrack
from media.rooms import ladder
from media.switch.wire import Wire
from media.transport.tcp_backlog import TcpBacklog
from media.transport.tcp_frames import LENGTH_BYTES
from tests.support.busy_reader import BusyReader
from tests.support.far_publisher import FarPublisher
from tests.support.far_viewer import FarViewer
from tests.support.layers_source import LayersSource
from tests.support.line_life import longest, shapes
from tests.support.line_shape import Shape, Way
from tests.support.modelled_browser import HEADERS, NUMBER_ID, OPUS, RTX, SEND_TIME_ID, VP8, ModelledBrowser
from tests.support.published import sound, video
from tests.support.world import World

STEP = 0.005
TICK_SECONDS, MEASURE_SECONDS = 0.1, 1.0
BITRATES = (1_200_000, 360_000, 105_000)
PICTURE, PICTURE_RTX = 0xAAAA0001, 0xAAAA1001
REQUEST_OCTETS = 130  # of a binding request, on the line
FLIGHT, FLIGHT_OCTETS, FLIGHT_SECONDS = -2, 900, 0.3  # of a handshake; so long it waits for an answer
BACK_SECONDS = 0.002  # from the viewer to the worker, whose way is open
UNSENT_OCTETS = 16 * 1024  # of a TCP connection that the kernel takes before it can send them
SETTLE_SECONDS = 3.0  # after a join
LOWEST_NEEDS = 1.25 * (110_000 + 75_000)  # bit/s, with the sound and room to spare
Away = tuple[float, float]  # from when until when the publisher was away
_FEEDBACK = frozenset(("nack pli",))


def _published(layers: int) -> list[PublishedTrack]:
    vp8 = [replace(video("VP8", payload_type=96 + n, feedback=_FEEDBACK), layer=n) for n in range(layers)]
    return [*vp8, sound()]


class Receiver(Enum):
    """What a viewer tells of its line."""

    ARRIVALS = auto()  # when numbered packets came, and an estimate of its own
    ESTIMATE = auto()  # that alone
    REPORTS = auto()  # receiver reports and requests alone
    BUSY = auto()  # what ARRIVALS does, but it reads in batches, and tells when it has read
    STREAM = auto()  # its media comes over TCP; it tells what ARRIVALS does


class OnLine(Protocol):
    """Who sends into a line."""

    def take(self, sent: "Sent", now: float) -> None:
        """What came out of it again."""


class Sent(NamedTuple):
    """What is on a line: media for a viewer, or a request that it answers.

    Such a request is for a round trip, or in the handshake: the `FLIGHT`, or of that number of a train.
    """

    seat: OnLine
    datagram: bytes | None
    sent_at: float
    number: int = -1


class TimedLine:
    """A line of which `shapes` tells since when it is like what, in order."""

    def __init__(self, shapes: Sequence[tuple[float, Shape]], seed: int) -> None:
        self.rates = [(at, shape.rate or math.inf) for at, shape in shapes]
        self.way: Way[Sent] = Way(shapes[0][1], seed)
        self._shapes = shapes
        self._next = 1

    @classmethod
    def by_chance(cls, seed: int, began: float, seconds: float) -> Self:
        """One that changes all the time, as `shapes` says."""
        taken, at = [], began
        for _, shape, lasts in shapes(random.Random(seed)):
            if at >= began + seconds:
                break
            taken.append((at, shape))
            at += lasts
        return cls(taken, seed)

    def arrivals(self, now: float) -> list[tuple[float, Sent]]:
        """Be as it is at `now`; what has come out of it, and when."""
        while self._next < len(self._shapes) and self._shapes[self._next][0] <= now:
            self.way.reshape(self._shapes[self._next][1], now)
            self._next += 1
        return self.way.left(now)


class _Seat(FarViewer):
    """What the worker sends to it goes into a line."""

    def __init__(self, room: "LinesRoom", seat: "LineSeat", line: Measured | None) -> None:
        self._seat = seat
        picture = Wire(VP8, {}, nack=True, rtx=RTX, sent_at=SEND_TIME_ID, number=NUMBER_ID, ssrc=PICTURE)
        layers = [picture] * (len(room.tracks) - 1)
        wires = [*layers, Wire(OPUS, {}, sent_at=SEND_TIME_ID), picture, picture]
        super().__init__(room, wires, rendition=0, line=line, since=seat.began)

    def receive(self, datagram: bytes) -> None:
        self._seat.send(datagram, self.room.now)

    def decrypt(self, datagram: bytes) -> tuple[bytes, bool]:
        """A packet, and whether it is RTCP."""
        if 192 <= datagram[1] <= 223:
            return self._end.unprotect_rtcp(datagram), True
        return self._end.unprotect(datagram), False


class LineSeat:
    """One viewer, its line, and the worker's side of it. The share `deaf` of its RTCP is lost."""

    def __init__(
        self,
        room: "LinesRoom",
        line: TimedLine,
        receiver: Receiver = Receiver.ARRIVALS,
        *,
        deaf: float = 0.0,
    ) -> None:
        ask_early(room.feed, room.feedback, room.now, 0)
        self.line = line
        self.began, self.ended = room.now, math.inf
        self.backlog = TcpBacklog(TcpStats()) if receiver is Receiver.STREAM else None
        self._room, self._deaf = room, deaf
        self._chance = random.Random(f"deaf {room.seed}")
        self._reading = BusyReader(room.seed) if receiver is Receiver.BUSY else None
        self._unread: deque[tuple[float, Sent]] = deque()  # when it reads what has come
        self._said: list[tuple[float, bytes]] = []  # when it arrives
        self._answers: list[tuple[float, Sent]] = []  # the same, of answers
        self._moved_at = math.inf  # to an address that the worker does not know yet
        self._far: _Seat | None = None  # until it is connected
        self._train = HandshakeTrain(REQUEST_OCTETS - UDP_OCTETS, room.now) if self.backlog is None else None
        if self._train is not None:
            for number in range(PACKETS):
                self._request(room.now, number)
        self._fly(room.now)
        self.browser = ModelledBrowser(self._say, room.now)
        if receiver is not Receiver.REPORTS:
            self.browser.estimates()
        if receiver in (Receiver.ARRIVALS, Receiver.BUSY, Receiver.STREAM):
            self.browser.tells_arrivals()

    def _fly(self, now: float) -> None:
        self._flown_at = now
        self.line.way.enter(FLIGHT_OCTETS, Sent(self, None, now, FLIGHT), now)

    def _connect(self, now: float) -> None:
        line = None if self._train is None else self._train.measured(now)
        self._measured_at = self._step_at = now
        self._request(now)  # before the first picture, as a session does
        self._far = _Seat(self._room, self, line)
        self._playback = self._far.playback
        if self.backlog is not None:
            self._far.viewer.queue_in(self.backlog)

    def _say(self, rtcp: bytes) -> None:
        if self._chance.random() >= self._deaf:
            self._said.append((self._room.now + BACK_SECONDS, rtcp))

    def send(self, datagram: bytes, now: float) -> None:
        """Put it into the line, or behind what waits for that."""
        if now >= self._moved_at:
            return  # to where it is not any more
        if self.backlog is None:
            self.line.way.enter(len(datagram) + HEADERS, Sent(self, datagram, now), now)
        else:
            self.backlog.add([len(datagram).to_bytes(LENGTH_BYTES) + datagram], now)
            self._write(self.backlog, now)

    def _write(self, backlog: TcpBacklog, now: float) -> None:
        """What the kernel takes of a stream."""
        while self.line.way.queued < UNSENT_OCTETS and (chunk := backlog.chunk(now)):
            backlog.sent(len(chunk))
            at = 0
            while at < len(chunk):
                end = at + LENGTH_BYTES + int.from_bytes(chunk[at : at + LENGTH_BYTES])
                datagram, at = chunk[at + LENGTH_BYTES : end], end
                self.line.way.enter(len(datagram) + HEADERS, Sent(self, datagram, now), now)

    def move(self) -> None:
        """Come from another address. It gets nothing until it is heard from there, and has proven it.

        One with a TCP connection has another one at once.
        """
        if self.backlog is None:
            self._moved_at = self._room.now
        else:
            self._arrive(self._room.now)

    def _arrive(self, now: float) -> None:
        """Get what is sent at the new address."""
        assert self._far is not None
        self._moved_at = math.inf
        self._playback.move(self._room.new_address(self._far), now)

    def tick(self, now: float) -> None:
        """What a session does several times a second."""
        if self._far is None:
            if now - self._flown_at >= FLIGHT_SECONDS:
                self._fly(now)
            return
        if reports := self._playback.tick(now):
            self._far.receive(self._playback.viewer.sender.protect_rtcp(reports))
        if now < self._moved_at and now - self._measured_at >= self._playback.measure_seconds - 0.02:
            self._measured_at = now
            self._request(now)

    def _request(self, now: float, number: int = -1) -> None:
        self.line.way.enter(REQUEST_OCTETS, Sent(self, None, now, number), now)

    def take(self, sent: Sent, now: float) -> None:
        """What came out of its line."""
        self._unread.append((now if self._reading is None else self._reading.read_at(now), sent))

    def _read(self, sent: Sent, now: float) -> None:
        if sent.datagram is None:
            self._answers.append((now + BACK_SECONDS, sent))
            return
        assert self._far is not None
        plain, is_rtcp = self._far.decrypt(sent.datagram)
        take = self.browser.take_rtcp if is_rtcp else self.browser.take_packet
        take(plain, len(sent.datagram), now)

    def step(self, now: float) -> None:
        while self._unread and self._unread[0][0] <= now:
            at, sent = self._unread.popleft()
            self._read(sent, at)
        while self._answers and self._answers[0][0] <= now:
            self._answered(*self._answers.pop(0), now)
        if self._far is None:
            return
        self.browser.tick(now)
        if self.backlog is not None:
            self._write(self.backlog, now)
        while self._said and self._said[0][0] <= now:
            self._playback.receive(self._said.pop(0)[1], now)
            if now >= self._moved_at:
                self._request(now)
        if self._playback.steps and now >= self._step_at:
            self._step_at = now + (self._playback.step(now) or 0.0)

    def _answered(self, at: float, sent: Sent, now: float) -> None:
        if self._far is None:
            if sent.number == FLIGHT:
                self._connect(now)
            elif self._train is not None:
                self._train.answered(sent.number, at)
        elif sent.sent_at >= self._moved_at:
            self._arrive(now)
        elif sent.number != FLIGHT:
            self._playback.measured(now - sent.sent_at, now)

    def leave(self, now: float) -> None:
        self.ended = now
        if self._far is not None:
            self._far.leave()

    # --- what it saw, until it left

    @property
    def waited(self) -> list[float]:
        """The seconds from its connection to its first picture, as the worker counts them; empty: none."""
        return [] if self._far is None else self._far.waited

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
    """Advance it by `run`. The seed decides all: what the worker itself leaves to chance, too."""

    def __init__(self, seed: int, bitrates: Sequence[int] = BITRATES) -> None:
        random.seed(seed)
        published = _published(len(bitrates))
        publisher = FarPublisher(published, ssrcs=range(0x51, 0x51 + len(published)))
        super().__init__(published, join_burst="auto", publisher=publisher, thinned=True)
        for layer, track in enumerate(self.tracks[:-1]):
            track.sent.ssrc, track.sent.rtx_ssrc = PICTURE + layer, PICTURE_RTX + layer
        self.feed.ssrcs = [sent.ssrc for sent in self.feed.sent]
        self.seed, self._bitrates = seed, bitrates
        self.source: LayersSource | None = LayersSource(publisher, bitrates, seed, self.now)
        self.seats: list[LineSeat] = []
        self._tick_at = self._measure_at = self.now

    def lose_publisher(self) -> None:
        """Without a word."""
        self.source = None

    def come_back(self) -> None:
        """The publisher does, with a new session."""
        publisher = FarPublisher(self.published, ssrcs=range(0x91, 0x91 + len(self.published)))
        self.succeed(publisher=publisher)
        self.source = LayersSource(publisher, self._bitrates, self.seed + 1, self.now)

    def watch(
        self, line: TimedLine, receiver: Receiver = Receiver.ARRIVALS, *, deaf: float = 0.0
    ) -> LineSeat:
        seat = LineSeat(self, line, receiver, deaf=deaf)
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
        for line in {id(seat.line): seat.line for seat in self.seats}.values():
            for at, sent in line.arrivals(now):
                sent.seat.take(sent, at)
        for seat in self.seats:
            seat.step(now)

    def _measure(self, now: float) -> None:
        """As `Room` does."""
        for sent in self.feed.sent:
            sent.measure(now)
        self.feed.ladder = ladder.measure(self.feed, self.tracks, now)
