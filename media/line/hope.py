"""Whether to go on with the lowest moving picture, although the line seems to carry less than it needs."""

_CLOSE = 0.97  # the line carries this share of the need: that is enough, without room to spare
# Worth a try: the line seems to carry this share of the need, and was sent this multiple of it.
_LEAST, _FAR_MORE = 0.35, 1.8
_SECONDS = 4.0  # from one such try to the next


class Hope:
    """Decides for one viewer. `now` is in seconds of a steady clock, rates are in bit/s."""

    __slots__ = ("_from",)

    def __init__(self, now: float) -> None:
        self._from = now

    def __call__(self, need: float, carries: float, sent: float, now: float) -> bool:
        """Whether to try a picture that needs `need`: the line was sent `sent`, and seems to carry `carries`.

        When far more is sent than the line carries, the share that arrives is a poor measure.
        """
        if need * _CLOSE <= carries:
            return True
        if need * _LEAST > carries or sent < need * _FAR_MORE or now < self._from:
            return False
        self._from = now + _SECONDS
        return True
