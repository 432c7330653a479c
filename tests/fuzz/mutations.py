"""Inputs that are nearly right: what real clients send, damaged. The same seed gives the same inputs."""

import random
import re
from collections.abc import Iterator, Sequence

MAX_BYTES = 2048  # of an input, but for targets whose seeds are longer: what is longer only repeats
_EDGES = (0, 1, 0x7F, 0x80, 0xFE, 0xFF)
_WORD = re.compile(rb"[^\s:/;,=\"]+")
# Digits of other scripts are some to `str.isdigit`, and some to `int`.
_ODD_WORDS = [
    *(b"", b"0", b"-1", b"127", b"128", b"9" * 30, b"1e999", b"NaN", b"*", b"a/b", b"\0", b"x" * 9000),
    *("٣".encode(), "¹".encode(), "é".encode(), b"\\ud800"),
]


def mutations(seeds: Sequence[bytes], number: int, seed: int) -> Iterator[bytes]:
    """So many inputs: the seeds as they are, and then damaged; one in sixteen is nothing but noise."""
    yield from seeds[:number]
    chance, most = random.Random(seed), max(MAX_BYTES, *map(len, seeds))
    for _ in range(number - len(seeds)):
        if chance.randrange(16) == 0:
            yield chance.randbytes(chance.randrange(64))
        else:
            yield _damaged(seeds, chance)[:most]


def _damaged(seeds: Sequence[bytes], chance: random.Random) -> bytes:
    data = bytearray(chance.choice(seeds))
    for _ in range(1 + int(chance.expovariate(0.7))):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(10):
            case 0 if at < len(data):
                data[at] = chance.randrange(256)
            case 1 if at < len(data):
                data[at] = chance.choice(_EDGES)
            case 2 if at < len(data):
                data[at] ^= 1 << chance.randrange(8)
            case 3:
                del data[at : at + chance.randrange(1, 9)]
            case 4:
                data[at:at] = chance.randbytes(chance.randrange(1, 9))
            case 5:
                del data[at:]
            case 6:
                data[at:at] = data[at : at + chance.randrange(1, 200)]
            case 7:
                other = chance.choice(seeds)
                begin = chance.randrange(len(other) + 1)
                data[at : at + chance.randrange(50)] = other[begin : begin + chance.randrange(50)]
            case 8 if lines := data.splitlines(keepends=True):  # one goes, moves, or comes twice
                line = lines.pop(chance.randrange(len(lines)))
                for _ in range(chance.randrange(3)):
                    lines.insert(chance.randrange(len(lines) + 1), line)
                data[:] = b"".join(lines)
            case 9 if words := [*_WORD.finditer(data)]:
                word = chance.choice(words)
                data[word.start() : word.end()] = chance.choice(_ODD_WORDS)
    return bytes(data)
