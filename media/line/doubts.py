"""Whether to stay on a rung in spite of a sign of congestion: how often, and how many are too many."""

from media.line.estimate import LineEstimate

_LITTLE = 0.8  # a sign may pass if it leaves this share of what the rung needs
_FORGET = 0.15  # the count of signs that passed falls by this in a second
_MOST, _FEW = 3.5, 1.5  # so many signs are too many; if they are losses or a queue, so few
_LASTING = 2.5  # so many are too many on a rung that seems to fit: it has no room for retransmissions
HEAVY_LOSS = 0.25  # beyond this share of lost packets no picture is whole
_SPARE = 1.25  # lost packets can be sent again soon if the line carries this multiple of the need


class Doubts:
    """Counts signs for one viewer. `now` is in seconds of a steady clock."""

    __slots__ = ("_at", "_signs")

    def __init__(self, now: float) -> None:
        self._signs = 0.0  # signs that passed; older ones count less
        self._at = now

    def clear(self) -> None:
        """Begin anew: the viewer goes to another rung."""
        self._signs = 0.0

    def pass_over(self, estimate: LineEstimate, need: float, now: float, *, has_less: bool) -> bool:
        """Whether to stay on a rung that needs `need` bit/s. `has_less`: a lower rung moves, too."""
        self._signs = max(0.0, self._signs - (now - self._at) * _FORGET) + 1
        self._at = now
        lost = estimate.lost_share
        if has_less and (lost or 0.0) > HEAVY_LOSS and need * _SPARE > estimate.carries:
            return False
        if need <= estimate.carries:
            return self._signs < _LASTING
        # a fall of REMB may be chance, or another viewer's probe
        most = _MOST if lost is None and not estimate.suspect else _FEW
        return need * _LITTLE <= estimate.carries and self._signs < most
