"""A modelled viewer that requests again what it misses, and shows pictures only in order.

The publisher's keyframes are of all layers at once, and come as often as viewers ask for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from media.feedback.retransmit_budget import RetransmitBudget
from media.line.loss_run import LossRun
from tests.support.changing_line import ChangingLine
from tests.support.modelled_line import STEP, Packet
from tests.support.modelled_viewer import FPS, PACKET, ModelledViewer

KEYFRAME, OTHER = 5.0, 0.9  # times the size of a mean picture, where keyframes come each second
ASK_AGAIN, MOST_ASKS = 0.1, 10  # seconds; times
HELD_SECONDS = 3.0


@dataclass(slots=True)
class Part(Packet):
    """A packet of a picture; the first one of that `number`, or one that is sent again."""

    number: int = -1
    rung_began: int = 0  # how often the viewer had changed when it was sent


class RepairingViewer(ModelledViewer):
    """`keyframes` are the times of the publisher's."""

    def __init__(
        self, line: ChangingLine, layers: Sequence[int], keyframes: Sequence[float], seed: int
    ) -> None:
        super().__init__(0, line, layers, seed=seed)  # type: ignore[arg-type]
        self.shown: list[float] = []
        self._keyframes = list(keyframes)
        self._changes = 0
        self._paused = False
        self._sent: list[Part] = []
        self._losses, self._budget, self._media = LossRun(), RetransmitBudget(0.0), 0
        self._highest = -1
        self._missing: dict[int, tuple[float, int]] = {}  # number: when it was asked for last, and how often
        self._key_frames: set[int] = set()
        self._whole: set[int] = set()
        self._last_shown: int | None = None

    # --- the worker's side

    def _tick(self, now: float) -> None:
        self.estimate.sent(self._octets, self._sound_octets, now)
        self._decision = decision = self.choice.step(self.rungs, self._present, now)
        if decision.rung > len(self._layers) and decision.rung != self._present:
            self._begin(decision.rung)
        elif decision.pause and self._present < decision.rung:
            self._queue.clear()
            self._paused = True

    def _begin(self, rung: int) -> None:
        self._present, self._paused = rung, False
        self._queue.clear()
        self._changes += 1

    def _picture(self, now: float) -> None:
        slow, wanted = len(self._layers), self._decision.rung
        is_key = False
        while self._keyframes and self._keyframes[0] <= now:
            self._keyframes.pop(0)
            is_key = True
        if is_key and wanted <= slow and (self._present != wanted or self._paused):
            self._begin(wanted)
        if self._paused or self._present > slow or (self._present == slow and (not is_key or self._queue)):
            return
        mean = self._layers[min(self._present, slow - 1)] / 8 / FPS
        size = round(mean * (KEYFRAME if is_key else OTHER) * self._random.uniform(0.7, 1.3))
        self._frame += 1
        if is_key:
            self._key_frames.add(self._frame)
        parts = self._sizes[self._frame] = max(1, -(-size // PACKET))
        self._queue += [(self._frame, size // parts + 40, part == parts - 1) for part in range(parts)]

    def _send(self, kind: str, size: int, now: float, frame: int = -1, last: bool = True) -> None:
        if kind != "picture":
            super()._send(kind, size, now, frame, last)
            return
        part = Part(0, kind, size, now, frame, last, number=len(self._sent), rung_began=self._changes)
        self._sent.append(part)
        self._pictured_at = now
        self._expected += 1
        self._media += size
        self._pass(part)

    def _pass(self, part: Part) -> None:
        self._octets += part.size
        self._credit -= part.size
        self.saw.bytes += part.size
        self._line.send(part)

    def _take_request(self, numbers: Sequence[int], now: float) -> None:
        """As `ViewerFeedback` does."""
        asked = []
        self.estimate.sent(self._octets, self._sound_octets, now)
        has_room = self.estimate.has_room(now)
        for number in numbers:
            part = self._sent[number]
            is_former = self._decision.rung > 0 and part.rung_began != self._changes
            if now - part.sent_at > HELD_SECONDS or is_former or self._present >= len(self._layers):
                continue
            asked.append((number, part.sent_at))
            if has_room and self._budget.take(0, number, part.size, self._media, now):
                self._pass(
                    Part(0, "again", part.size, now, part.frame, part.last, number=number, rung_began=0)
                )
        came_at = now - self.estimate.trips.shortest_known
        if asked and (loss := self._losses.asked(self._changes, asked, came_at)) is not None:
            octets = sum(self._sent[number].size for number in loss.came)
            self.estimate.lost(loss, came_at - loss.end, now, octets * 8 / (loss.end - loss.begin))
            self._tick(now)

    # --- the viewer's side

    def step(self, now: float) -> None:
        super().step(now)
        if self._steps % round(0.02 / STEP) == 0:
            again = [number for number, (at, _) in self._missing.items() if now - at >= ASK_AGAIN]
            self._ask(again, now)

    def _ask(self, numbers: Sequence[int], now: float) -> None:
        for number in numbers:
            asks = self._missing.get(number, (0.0, 0))[1] + 1
            self._missing[number] = (now, asks)
            if asks > MOST_ASKS:
                del self._missing[number]
        if numbers:
            self._tell(now, lambda at: self._take_request(numbers, at))

    def arrive(self, packet: Packet) -> None:
        if not isinstance(packet, Part):
            super().arrive(packet)
            return
        if packet.kind == "picture":
            gap = range(self._highest + 1, packet.number)
            self._highest = packet.number
            self._ask(gap, packet.arrived_at)
            super().arrive(packet)
        elif self._missing.pop(packet.number, None) is not None:
            super().arrive(packet)
            self._received -= 1  # reports count what was sent at first
            self._part(packet)

    def _part(self, packet: Packet) -> None:
        got = self._parts[packet.frame] = self._parts.get(packet.frame, 0) + 1
        if got < self._sizes[packet.frame]:
            return
        self._whole.add(packet.frame)
        if packet.frame in self._key_frames and packet.frame > (self._last_shown or 0):
            self._show(packet.frame, packet.arrived_at)
        while self._last_shown is not None and self._last_shown + 1 in self._whole:
            self._show(self._last_shown + 1, packet.arrived_at)

    def _show(self, frame: int, now: float) -> None:
        self._last_shown = frame
        self.shown.append(now)
        for number in [number for number in self._missing if self._sent[number].frame <= frame]:
            del self._missing[number]
