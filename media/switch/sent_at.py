"""When packets are sent, as their receivers are told."""

from media.rtp.extensions import send_time


class SentAt:
    """The time at which a batch of packets is sent: its value is built once, if some viewer is told.

    `now` is in seconds of a steady clock.
    """

    __slots__ = ("_now", "_value")

    def __init__(self, now: float) -> None:
        self._now = now
        self._value = b""

    @property
    def value(self) -> bytes:
        """Of the header extension."""
        self._value = self._value or send_time(self._now)
        return self._value
