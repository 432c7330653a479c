"""Whether to go on with the last moving picture, although the line seems to carry less than it needs."""

_CLOSE = 0.97  # no room to spare
_LEAST, _FAR_MORE = 0.35, 1.8  # of what it needs was told, when that multiple was sent
_SECONDS = 4.0  # from one such try to the next


class Hope:
    """Of one viewer. `now` is in seconds of a steady clock, rates are in bit/s."""

    __slots__ = ("_from",)

    def __init__(self, now: float) -> None:
        self._from = now

    def __call__(self, need: float, carries: float, sent: float, now: float) -> bool:
        """Whether to try a picture that needs `need`: the line was sent `sent`, and seems to carry `carries`.

        What a full line lets through of far more than that, in a fraction of a second, says little of it.
        """
        if need * _CLOSE <= carries:
            return True
        if need * _LEAST > carries or sent < need * _FAR_MORE or now < self._from:
            return False
        self._from = now + _SECONDS
        return True
