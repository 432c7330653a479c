"""Inputs that are nearly right: what real clients send, damaged. The same seed gives the same inputs."""

import random
from collections.abc import Iterator, Sequence

MAX_BYTES = 2048  # of an input: longer ones only repeat
_EDGES = (0, 1, 0x7F, 0x80, 0xFE, 0xFF)


def mutations(seeds: Sequence[bytes], number: int, seed: int) -> Iterator[bytes]:
    """So many inputs; one in sixteen is nothing but noise."""
    chance = random.Random(seed)
    for _ in range(number):
        if chance.randrange(16) == 0:
            yield chance.randbytes(chance.randrange(64))
        else:
            yield _damaged(seeds, chance)


def _damaged(seeds: Sequence[bytes], chance: random.Random) -> bytes:
    data = bytearray(chance.choice(seeds))
    for _ in range(1 + int(chance.expovariate(0.7))):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(8):
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
    return bytes(data[:MAX_BYTES])
