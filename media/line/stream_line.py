"""What the backlog of a viewer's TCP connection says of its line."""

from media.line.line_log import LineLog
from media.transport.address import Backlog

MEASURED_SECONDS = 0.8  # in less time it moves by chance: the kernel takes much at once, or nothing
QUEUE_SECONDS = 0.3  # a keyframe may wait this long; packets that wait longer exceed the line


class StreamLine:
    """For one viewer, which may change its connection. `now` is in seconds of a steady clock.

    A backlog that moves, and stays, is congestion: the rate at which it moves is what the line carries. A
    backlog that does not move at all shows only that the line stands still for a moment.
    """

    def __init__(self) -> None:
        self._backlog: Backlog | None = None
        self._cuts = self._sent = 0
        self._since = 0.0  # when it was last seen empty, or told of
        self._waits = False

    def look(self, backlog: Backlog, line: LineLog, now: float) -> bool:
        """Tell `line` of congestion; called at each tick. Returns whether pictures have to wait.

        After pictures were dropped, the next ones are of no use: they wait until the backlog is empty.
        """
        if backlog is not self._backlog:
            self._begin(backlog, now)
        sent, elapsed = backlog.octets_sent - self._sent, now - self._since
        if backlog.waited(now) <= QUEUE_SECONDS:
            self._sent, self._since = backlog.octets_sent, now
        elif sent and elapsed >= MEASURED_SECONDS:
            line.held_back(sent * 8 / elapsed, now)
        self._waits = backlog.cuts != self._cuts or (self._waits and backlog.octets > 0)
        self._cuts = backlog.cuts
        return self._waits

    def _begin(self, backlog: Backlog, now: float) -> None:
        moved = self._backlog is not None  # packets in the former connection may be lost, as after a cut
        self._backlog = backlog
        self._cuts, self._sent, self._since = -1 if moved else backlog.cuts, backlog.octets_sent, now
        self._waits = False
