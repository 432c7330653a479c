"""What a viewer's line carries, measured while its handshake goes on: before its first picture leaves."""

from typing import NamedTuple

from media.line.packet_train import HEADER_OCTETS, UDP_OCTETS, PacketTrains


class Measured(NamedTuple):
    """What a train that was sent at `sent_at` has measured: the most and the least that a line carries."""

    rate: float  # bit/s
    least: float
    sent_at: float


class HandshakeTrain:
    """A train of binding requests. Every receiver answers those, as far apart as they have come."""

    def __init__(self, octets: int, now: float) -> None:
        """`octets` has each request, without the headers of UDP."""
        self._trains = PacketTrains()
        self._trains.octets = octets + UDP_OCTETS - HEADER_OCTETS
        self._trains.send(now)
        self._rate: float | None = None

    def answered(self, number: int, now: float) -> None:
        """Take the answer to the request of that number, the first of which is 0."""
        self._note(self._trains.arrived(number, [now], now))

    def measured(self, now: float) -> Measured | None:
        """What it has measured by now; None: too few of its requests were answered."""
        self._note(self._trains.cut_short(now))
        if self._rate is None:
            return None
        return Measured(self._rate, self._trains.least, self._trains.told_of)

    def _note(self, rate: float | None) -> None:
        self._rate = self._rate if rate is None else rate
