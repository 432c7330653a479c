"""Reads bit fields from the front of bytes."""

from media.payload.picture import DepacketizeError

_LONGEST_ZEROS = 32  # of an Exp-Golomb code


class BitReader:
    """Most significant bit first. Reading beyond the end raises `DepacketizeError`."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data)
        self._left = len(data) * 8

    def read(self, bits: int) -> int:
        self._left -= bits
        if self._left < 0:
            raise DepacketizeError("header is cut")
        return self._value >> self._left & ((1 << bits) - 1)

    def flag(self) -> bool:
        return self.read(1) == 1

    def rest(self) -> bytes:
        """The bits that are left, behind a 1 that marks their begin, without the zeros at their end."""
        bits = 1 << self._left | self._value & ((1 << self._left) - 1)
        bits //= bits & -bits
        return bits.to_bytes((bits.bit_length() + 7) // 8)

    def ue(self) -> int:
        """Exp-Golomb code of an unsigned number: n zeros, then n + 1 bits (H.264 9.1)."""
        zeros = self._left - (self._value & ((1 << self._left) - 1)).bit_length()
        if zeros > _LONGEST_ZEROS:
            raise DepacketizeError("Exp-Golomb code is too long")
        return self.read(2 * zeros + 1) - 1

    def se(self) -> int:
        """Exp-Golomb code of a signed number (H.264 9.1.1)."""
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)
