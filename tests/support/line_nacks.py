"""A receiver behind a simulated line, as it asks for what it misses."""

from collections.abc import Callable

from media.rtp.rtcp import nack
from media.tracks.nack_generator import NackGenerator
from tests.support.simulated_line import Line


class LineNacks:
    """Sends NACKs for `ssrc` over the line when they are due; `deliver` is where they arrive."""

    def __init__(self, line: Line, ssrc: int, deliver: Callable[[bytes], None]) -> None:
        self._line = line
        self._ssrc = ssrc
        self._deliver = deliver
        self._generator = NackGenerator()
        self._waking: float | None = None

    def received(self, sequence: int) -> None:
        self._generator.received(sequence, self._line.now)
        self._set_alarm()

    def _set_alarm(self) -> None:
        due = self._generator.next_due()
        if due is not None and (self._waking is None or due < self._waking):
            self._waking = due
            self._line.at(max(due, self._line.now), lambda: self._wake(due))

    def _wake(self, due: float) -> None:
        if due != self._waking:
            return  # an earlier alarm has taken this one's place
        self._waking = None
        if missing := self._generator.due(self._line.now):
            compound = nack(1, self._ssrc, missing)
            self._line.send(lambda: self._deliver(compound))
        self._set_alarm()
