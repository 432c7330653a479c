"""How much padding is due, so that a viewer gets so many bits a second in all: a debt that time pays."""

from media.rtp.rtx import PADDING_BYTES

_TRICKLE_BYTES = 64
_QUIET_SECONDS = 0.5  # a receiver that gets nothing for longer estimates nothing
_MOST_DEBT_SECONDS = 0.25  # a keyframe must not end a probe
_MOST_AT_ONCE_SECONDS = 0.050  # what is due for longer is not made up for


class PaddingCredit:
    """The padding due to one viewer. `now` is of a steady clock; octets count from the viewer's join."""

    __slots__ = ("_credit", "_octets", "_pictures", "_quiet_since", "_stepped_at")

    def __init__(self, now: float) -> None:
        self._quiet_since, self._pictures = now, 0
        self.begin(0, now)

    def begin(self, octets: int, now: float) -> None:
        """Pad from now on. There may have been no steps before: what was sent then is no debt."""
        self._credit = 0.0  # octets of padding that are due
        self._stepped_at, self._octets = now, octets

    def due(self, bitrate: float, octets: int, sound: int, now: float) -> float:
        """The octets of padding to send now, so that there are `bitrate` bits a second; 0: none.

        `octets` were sent so far, with padding, `sound` of them of sound.
        """
        elapsed, sent = now - self._stepped_at, octets - self._octets
        self._octets, self._stepped_at = octets, now
        if octets - sound != self._pictures:
            self._pictures, self._quiet_since = octets - sound, now
        if not bitrate:
            return 0.0
        most, least = _MOST_AT_ONCE_SECONDS * bitrate / 8 + PADDING_BYTES, -_MOST_DEBT_SECONDS * bitrate / 8
        self._credit = max(min(self._credit + bitrate / 8 * elapsed - sent, most), least)
        if self._credit >= PADDING_BYTES:
            return self._credit
        return _TRICKLE_BYTES if now - self._quiet_since >= _QUIET_SECONDS else 0.0
