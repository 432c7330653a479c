"""The places of pictures in the order of showing, of which slices have the low bits alone."""


class PictureCount:
    """Of one stream (H.264 8.2.1.1, H.265 8.3.1)."""

    def __init__(self) -> None:
        self._sequence = 0  # counts the pictures with which the order begins anew
        self._high = 0  # of the latest picture that others refer to, ...
        self._low = 0  # ... and the bits that its slices have

    def begin(self, low: int = 0) -> None:
        """The order begins anew, with a picture that has these low bits."""
        self._sequence, self._high, self._low = self._sequence + 1, 0, low

    def place(self, low: int, bits: int, *, is_reference: bool) -> tuple[int, int]:
        """The place of a picture whose slices have the `bits` low bits `low`; others may refer to it."""
        high, half = self._high, 1 << bits - 1
        if low < self._low and self._low - low >= half:
            high += 2 * half
        elif low > self._low and low - self._low > half:
            high -= 2 * half
        if is_reference:
            self._high, self._low = high, low
        return self._sequence, high + low
