"""Sequence numbers over the wrap, as a receiver counts them."""


class SequenceUnwrapper:
    """16-bit sequence numbers -> indices that do not wrap (RFC 3711 3.3.1).

    The first index is the first sequence number; what was sent before it gets a smaller one, down to below 0.
    """

    __slots__ = ("_highest",)

    def __init__(self, first: int) -> None:
        self._highest = first

    def unwrap(self, sequence: int) -> int:
        """The index nearest to the highest so far: less than 32768 ahead of it, or at most 32768 behind."""
        ahead = sequence - self._highest & 0xFFFF
        if ahead >= 0x8000:
            return self._highest + ahead - 0x10000
        self._highest += ahead
        return self._highest
