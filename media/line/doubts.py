"""Whether to stay on a rung in spite of a sign of congestion: how often, and how many are too many."""

from media.line.estimate import LineEstimate

_LITTLE = 0.8  # a sign that leaves this share of what is needed may pass
_FORGET = 0.15  # of the signs that passed, in a second
_MOST, _FEW = 3.5, 1.5  # so many are too many; where losses or a queue told, so few
_LASTING = 2.5  # on a rung that seems to fit: with what is sent again it does not
HEAVY_LOSS, _SPARE = 0.25, 1.25  # no picture is whole, and with less room it is not sent again soon


class Doubts:
    """Of one viewer. `now` is in seconds of a steady clock."""

    __slots__ = ("_at", "_signs")

    def __init__(self, now: float) -> None:
        self._signs = 0.0  # that passed, the older ones forgotten
        self._at = now

    def clear(self) -> None:
        """The viewer goes to another rung."""
        self._signs = 0.0

    def pass_over(self, estimate: LineEstimate, need: float, now: float, *, has_less: bool) -> bool:
        """Whether to stay on a rung that needs `need` bit/s; `has_less`: a lower one moves, too."""
        self._signs = max(0.0, self._signs - (now - self._at) * _FORGET) + 1
        self._at = now
        lost = estimate.lost_share
        if has_less and (lost or 0.0) > HEAVY_LOSS and need * _SPARE > estimate.carries:
            return False
        if need <= estimate.carries:
            return self._signs < _LASTING
        # an over-use may be chance, or another viewer's probe
        most = _MOST if lost is None and not estimate.suspect else _FEW
        return need * _LITTLE <= estimate.carries and self._signs < most
