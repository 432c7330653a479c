"""A sender that tells its estimate what it sends, and passes on what a receiver says."""

from media.line.estimate import LineEstimate

SOUND = 40_000


class Sender:
    """Sends at a rate, tells the estimate ten times a second, and passes on what a receiver says."""

    def __init__(self) -> None:
        self.estimate = LineEstimate(0.0)
        self.now = 0.0
        self._octets = self._sound = 0.0

    def measure(self, *trips: float) -> None:
        for seconds in trips:
            self.send(SOUND, 0.1)
            self.estimate.round_trip(seconds, self.now)

    def send(self, rate: float, seconds: float, *, remb: float | None = None) -> None:
        for n in range(round(seconds * 10)):
            self.now += 0.1
            self._octets += rate / 80
            self._sound += min(SOUND, rate) / 80
            self.estimate.sent(round(self._octets), round(self._sound), self.now)
            if remb is not None and n % 2 == 0:
                self.estimate.remb(round(remb + n), self.now)
