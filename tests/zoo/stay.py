"""One stay of a viewer in a room, behind a line of the zoo, and what it saw."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise

from media.feedback.playback import ask_early
from tests.support.layers_source import FRAME_SECONDS
from tests.support.line_shape import Shape
from tests.support.many_lines import LinesRoom, Receiver, Sent, TimedLine
from tests.support.seen_line import SeenLine
from tests.zoo.lines import SECONDS, Line, fitting, seeded
from tests.zoo.seer import seer_sees

LAYERS = {"layered": (700_000, 350_000, 150_000), "single": (655_000,)}
WARM_UP_SECONDS = 4.0
HANDSHAKE_SECONDS = 0.2  # of ICE and DTLS: meanwhile the keyframe comes for which the offer asks
_NEVER_FULL = 1e6  # seconds of queue: TCP waits where UDP is dropped


@dataclass(frozen=True)
class Figures:
    """What a viewer saw: lower is better, but for `layer`, `frames` and `kbit`."""

    first: float  # seconds to the first picture
    top: float  # to the first picture of the best layer that fits; SECONDS: never, 0: none fits
    still: float  # seconds that a picture stood, at most, while the line carried one
    stills: float  # seconds of stills longer than half a second, together
    frames: float  # share of the pictures of what fits that were shown
    layer: float  # bit rate of the layers shown, as a share of that of the best one that fits at each moment
    concealed: float  # share of the sound
    worst: float  # of one second's
    kbit: float  # that came, padding and all
    padding: float  # as a share of it
    keyframes: float  # that the publisher made, a minute
    seer_frames: float = 1.0  # what `frames` and ...
    seer_layer: float = 1.0  # ... `layer` are of who knew the line: see `tests.zoo.seer`
    lost: float = 0.0  # share of all packets that the line itself loses

    def faults(self, line: Line) -> list[str]:
        """Where it is beyond what an audience would put up with."""
        checks = {
            "still": self.still <= (1.0 if line.steady else 2.0),
            "frames": self.frames >= 0.85 * self.seer_frames,
            "concealed": self.concealed <= 0.03 + self.lost,
            "layer": self.layer >= 0.8 * self.seer_layer,
        }
        return [name for name, holds in checks.items() if not holds]


class Download:
    """A TCP connection (Reno, RFC 5681) that has always more to send."""

    def __init__(self, send: Callable[["Download", int], None], now: float) -> None:
        """`send` puts its packet of that number, of 1500 octets, into the line."""
        self._send = send
        self._window, self._threshold = 10.0, math.inf
        self._number = self._expected = self._halved_at = 0
        self._flying = 0
        self._acked: list[tuple[float, int]] = []  # when each is known, and what came
        self._heard_at = now

    def take(self, sent: Sent, now: float) -> None:
        assert sent.datagram is not None
        self.came(int.from_bytes(sent.datagram), now)

    def came(self, number: int, now: float) -> None:
        self._acked.append((now + 0.02, number))

    def step(self, now: float) -> None:
        while self._acked and self._acked[0][0] <= now:
            number = self._acked.pop(0)[1]
            self._heard_at = now
            lost = number - self._expected
            self._flying = max(0, self._flying - 1 - lost)
            self._expected = number + 1
            if lost and number >= self._halved_at:
                self._window = self._threshold = max(2.0, self._window / 2)
                self._halved_at = self._number
            elif self._window < self._threshold:
                self._window += 1
            else:
                self._window += 1 / self._window
        if now - self._heard_at > 1.0:  # all was lost
            self._window, self._threshold, self._flying, self._heard_at = (
                2.0,
                max(2.0, self._window / 2),
                0,
                now,
            )
        while self._flying < int(self._window):
            self._send(self, self._number)
            self._number += 1
            self._flying += 1


def stay(line: Line, receiver: Receiver, picture: str, seed: int) -> tuple[Figures, str]:
    """What a viewer of `picture` ("layered" or "single") saw, and its story by seconds."""
    bitrates = LAYERS[picture]
    room = LinesRoom(seed, bitrates)
    room.run(WARM_UP_SECONDS + seed % 7 / 7)
    ask_early(room.feed, room.feedback, room.now, 0)
    room.run(HANDSHAKE_SECONDS)
    began = room.now
    shapes = seeded(line, seed, began)
    if receiver is Receiver.STREAM:
        shapes = [(at, replace(each, queue=_NEVER_FULL, loss=0.0, policed=False)) for at, each in shapes]
    timed = TimedLine(shapes, seed)
    made = room.source.keyframes if room.source is not None else 0
    seat = room.watch(timed, receiver, deaf=line.deaf)
    if line.company:
        room.watch(timed, receiver)

    def send(whole: Download, number: int) -> None:
        timed.way.enter(1500, Sent(whole, number.to_bytes(8), room.now), room.now)

    download = Download(send, began) if line.download else None
    moved = False
    while room.now < began + SECONDS:
        room.run(0.005)
        if download is not None:
            download.step(room.now)
        if not moved and room.now >= began + line.moves:
            seat.move()
            moved = True
    assert room.source is not None
    keyframes = (room.source.keyframes - made) * 60 / SECONDS
    seen = seat.browser.seen()
    figures = judge(seen, line, shapes, bitrates, began, keyframes, seat.browser.padding)
    return figures, seen.story(began)


def judge(
    seen: SeenLine,
    line: Line,
    shapes: Sequence[tuple[float, Shape]],
    bitrates: Sequence[int],
    began: float,
    keyframes: float,
    padding: int,
) -> Figures:
    end = began + SECONDS
    share = 0.5 if line.company or line.download else 1.0
    fits = [(max(at, began), fitting(shape, bitrates, share)) for at, shape in shapes if at < end]
    spans = [(begin, until, layer) for (begin, layer), (until, _) in pairwise([*fits, (end, None)])]
    shown = [at for at, _ in seen.pictures]
    best = max((bitrates[layer] for _, layer in fits if layer is not None), default=0)
    height = None if not best else 360 >> bitrates.index(best)
    first = shown[0] - began if shown else SECONDS
    top = 0.0 if height is None else (seen.first(height, began) or SECONDS)
    still, stills = _stills(shown, spans, began, end)
    due = sum(until - begin for begin, until, layer in spans if layer is not None) / FRAME_SECONDS
    wanted = sum((until - begin) * bitrates[layer] for begin, until, layer in spans if layer is not None)
    got = sum(
        FRAME_SECONDS * min(bitrates[_layer(high)], bitrates[layer])
        for at, high in seen.pictures
        if (layer := _at(spans, at)) is not None
    )
    whole = seen.between(began + 0.5, end)
    seconds = [
        seen.between(at, at + 1).concealed for at in (began + 0.5 + n for n in range(int(SECONDS) - 1))
    ]
    octets = seen.looks[-1].octets or 1
    # what stands still for a moment a queue makes good, and nobody would change for it
    seer_frames, seer_layer = (1.0, 1.0) if line.steady else seer_sees(shapes, bitrates, began, end)
    lasts = [until - begin for begin, until, _ in spans]
    return Figures(
        first=first,
        top=top,
        still=still,
        stills=stills,
        frames=min(1.0, len([at for at in shown if _at(spans, at) is not None]) / due) if due else 1.0,
        layer=min(1.0, got / wanted) if wanted else 1.0,
        concealed=whole.concealed,
        worst=max(seconds),
        kbit=octets * 8 / SECONDS / 1000,
        padding=padding / octets,
        keyframes=keyframes,
        seer_frames=seer_frames,
        seer_layer=seer_layer,
        lost=sum(shape.loss * span for (_, shape), span in zip(shapes, lasts, strict=False)) / SECONDS,
    )


def _layer(height: int) -> int:
    return {360: 0, 180: 1, 90: 2}.get(height, 0)


def _at(spans: Sequence[tuple[float, float, int | None]], at: float) -> int | None:
    return next((layer for begin, until, layer in spans if begin <= at < until), None)


def _stills(
    shown: Sequence[float], spans: Sequence[tuple[float, float, int | None]], began: float, end: float
) -> tuple[float, float]:
    """The longest time without a picture in which the line carried one all the while; and that of all."""
    longest = together = 0.0
    carried: list[list[float]] = []
    for begin, until, layer in spans:
        if layer is None:
            continue
        if carried and carried[-1][1] == begin:
            carried[-1][1] = until
        else:
            carried.append([begin, until])
    for begin, until in carried:
        since = max(begin, shown[0] if shown else end)
        for one, next_one in pairwise([since, *(at for at in shown if since < at < until), until]):
            longest = max(longest, next_one - one)
            together += next_one - one if next_one - one > 0.5 else 0.0
    return longest, together


def as_row(figures: Figures) -> dict[str, float]:
    return asdict(figures)
