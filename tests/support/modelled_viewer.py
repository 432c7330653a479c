"""A viewer of a room over a modelled line, its choice of renditions, and what it saw and heard."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from media.line.choice import Decision, LayerChoice
from media.line.estimate import LineEstimate
from tests.support.modelled_line import STEP, ModelledLine, Packet
from tests.support.modelled_receiver import ModelledEstimate
from tests.support.modelled_sound import FRAME_SECONDS, ModelledSound

SOUND_RATE = 40_000
SOUND_BYTES = SOUND_RATE // 8 // 50
PACKET = 1200
FPS = 30
KEYFRAME = 8.0  # times the size of another picture
KEYFRAME_SECONDS = 4.0  # between two, when a viewer gets nothing else
SLOWEST_KEYFRAME_SECONDS = 8.0
PADDING = 300  # bytes on the line
QUIET_SECONDS = 0.5  # without a picture: then a packet of padding goes out in any case
BACK = 0.025  # seconds until what a viewer reports is here
REQUEST_BYTES = 130  # on the line, of a binding request


@dataclass(slots=True)
class _Report:
    at: float
    apply: Callable[[float], None]


@dataclass
class Saw:
    """What happened, by time."""

    frames: list[tuple[float, int]] = field(default_factory=list)  # (when, rung) of each complete picture
    rungs: list[tuple[float, int]] = field(default_factory=list)  # at each tick
    padding: int = 0
    bytes: int = 0


class ModelledViewer:
    """`layers` are in bit/s, best first. `remb`: it estimates by itself; otherwise it only reports."""

    def __init__(
        self,
        number: int,
        line: ModelledLine,
        layers: Sequence[int],
        *,
        remb: bool = True,
        since: float = 0.0,
        seed: int = 1,
        keyframe_seconds: float | None = None,
    ) -> None:
        self._number, self._line, self._layers = number, line, list(layers)
        self._random = random.Random(f"{seed} {number}")
        self._since = since
        self._keyframe_seconds = keyframe_seconds  # the publisher sends them so often by itself; None: never
        self.estimate = LineEstimate(since)
        self.choice = LayerChoice(self.estimate, since, can_probe=remb, jitter=self._random.random)
        self.sound = ModelledSound()
        self.saw = Saw()
        self._remb = ModelledEstimate() if remb else None
        self._octets = self._sound_octets = 0
        self._sequence = 0
        self._present = 0
        self._decision = Decision(0, False, 0.0, 0.0, 0.0)
        self._keyframe_at = since + 0.1  # when the next asked one comes
        self._needs_keyframe = True
        self._queue: list[tuple[int, int, bool]] = []  # (frame, size, last) that the publisher paces
        self._paced = 0.0
        self._frame = 0
        self._rung_of: dict[int, int] = {}
        self._parts: dict[int, int] = {}
        self._sizes: dict[int, int] = {}
        self._credit = 0.0
        self._pictured_at = self._asked_at = since
        self._reports: list[_Report] = []
        self._received = self._expected = 0
        self._report_at = since + 1.0
        self._broken_since: float | None = None
        self._steps = 0

    @property
    def rungs(self) -> list[float]:
        mean = self._layers[-1] / FPS
        keyframes = mean * KEYFRAME / SLOWEST_KEYFRAME_SECONDS
        return [*(layer * 1.03 + SOUND_RATE for layer in self._layers), keyframes + SOUND_RATE, SOUND_RATE]

    # --- the worker's side

    def step(self, now: float) -> None:
        if now < self._since:
            return
        n, self._steps = self._steps, self._steps + 1
        for report in [each for each in self._reports if each.at <= now]:
            self._reports.remove(report)
            report.apply(now)
        if n % round(FRAME_SECONDS / STEP) == 0:
            self._send("sound", SOUND_BYTES, now, frame=n // round(FRAME_SECONDS / STEP))
        if n % 7 == 0:  # 28.6 pictures a second
            self._picture(now)
        self._pace(now)
        if n % 2 == 0:
            self._pad(now)
        if n % 20 == 0:
            self._tick(now)
        if n % 20 == 10 and now - self._asked_at >= self.choice.measure_seconds - 0.01:
            self._asked_at = now
            self._line.send(Packet(self._number, "request", REQUEST_BYTES, now))
        if n % round(FRAME_SECONDS / STEP) == 1:
            self.sound.play(now)

    def _tick(self, now: float) -> None:
        self.estimate.sent(self._octets, self._sound_octets, now)
        before = self._decision
        self._decision = decision = self.choice.step(self.rungs, self._present, now)
        if decision.rung != before.rung:
            if decision.rung == len(self._layers) + 1:
                self._present = decision.rung  # sound alone waits for no keyframe
            self._needs_keyframe = decision.rung != self._present
            self._keyframe_at = now + 0.1 + self._random.random() * 0.15
        self.saw.rungs.append((now, decision.rung))

    def _picture(self, now: float) -> None:
        tops = len(self._layers)
        rung, key = self._present, False
        if self._needs_keyframe and now >= self._keyframe_at:
            self._needs_keyframe, key = False, True
            rung = self._present = self._decision.rung
            self._keyframe_at = now + KEYFRAME_SECONDS
            self._queue.clear()
        elif rung == tops and now >= self._keyframe_at and not self._queue:
            key, self._keyframe_at = True, now + KEYFRAME_SECONDS
        elif self._keyframe_seconds is not None and rung < tops and now >= self._keyframe_at:
            key, self._keyframe_at = True, now + self._keyframe_seconds
        if rung > tops or (rung == tops and not key) or (self._decision.pause and not key):
            if self._decision.pause:
                self._queue.clear()
            return
        layer = min(rung, tops - 1)
        mean = self._layers[layer] / 8 / (1 / (7 * STEP))
        size = round(mean * (KEYFRAME if key else 1) * self._random.uniform(0.7, 1.3))
        self._frame += 1
        self._rung_of[self._frame] = rung
        parts = max(1, -(-size // PACKET))
        self._sizes[self._frame] = parts
        self._queue += [(self._frame, size // parts + 40, part == parts - 1) for part in range(parts)]

    def _pace(self, now: float) -> None:
        """A publisher paces its packets; keyframes alone are paced by the worker."""
        tops = len(self._layers)
        layer = self._layers[min(self._present, tops - 1)]
        rate = self._decision.pace if self._present == tops else layer * 2.5
        self._paced = min(self._paced + rate * STEP / 8, rate * STEP / 8)
        while self._queue and self._paced > 0:
            frame, size, last = self._queue.pop(0)
            self._paced -= size
            self._send("picture", size, now, frame=frame, last=last)

    def _pad(self, now: float) -> None:
        if not self._decision.probe:
            self._credit = 0.0
            return
        level = self._decision.probe / 8
        self._credit = max(self._credit + level * 2 * STEP, -level * 0.25)
        if now - self._pictured_at >= QUIET_SECONDS:
            self._send("padding", PADDING, now)
        while self._credit >= PADDING:
            self._send("padding", PADDING, now)

    def _send(self, kind: str, size: int, now: float, frame: int = -1, last: bool = True) -> None:
        self._octets += size
        self._credit -= size
        self.saw.bytes += size
        if kind == "sound":
            self._sound_octets += size
        elif kind == "padding":
            self.saw.padding += size
        if kind != "sound":
            self._pictured_at = now
        self._expected += 1
        self._line.send(Packet(self._number, kind, size, now, frame, last))

    # --- the viewer's side

    def arrive(self, packet: Packet) -> None:
        if packet.kind == "request":
            took = packet.arrived_at - packet.sent_at + BACK
            self._tell(packet.arrived_at, lambda now: self.estimate.round_trip(took, now))
            return
        self._received += 1
        if packet.kind == "sound":
            self.sound.arrive(packet.frame, packet.sent_at, packet.arrived_at)
        else:
            if packet.kind == "picture":
                self._part(packet)
            if self._remb is not None:
                bitrate = self._remb.take(packet.sent_at, packet.arrived_at, packet.size)
                if bitrate is not None:
                    self._tell(packet.arrived_at, lambda now: self.estimate.remb(round(bitrate), now))
        if packet.arrived_at >= self._report_at:
            self._report_at = packet.arrived_at + 1.0
            loss = max(0.0, 1 - self._received / self._expected) if self._expected else 0.0
            rtt = packet.arrived_at - packet.sent_at + BACK
            self._received = self._expected = 0
            self._tell(packet.arrived_at, lambda now: self.estimate.report(min(loss, 1.0), rtt, now))

    def _tell(self, at: float, apply: Callable[[float], None]) -> None:
        self._reports.append(_Report(at + BACK, apply))

    def _part(self, packet: Packet) -> None:
        got = self._parts[packet.frame] = self._parts.get(packet.frame, 0) + 1
        if got == self._sizes[packet.frame]:
            del self._parts[packet.frame]
            self.saw.frames.append((packet.arrived_at, self._rung_of[packet.frame]))


def run(line: ModelledLine, viewers: Sequence[ModelledViewer], seconds: float) -> None:
    """Let that much time pass, for all who are behind one line."""
    for n in range(round(seconds / STEP)):
        now = n * STEP
        for viewer in viewers:
            viewer.step(now)
        for packet in line.arrivals(now + STEP):
            viewers[packet.viewer].arrive(packet)
