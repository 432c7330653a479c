"""How long to wait before a webhook that failed is tried again. Does no I/O."""

FIRST_SECONDS = 1.0
LAST_SECONDS = 60.0


def wait_seconds(failures: int, luck: float, asked: float) -> float:
    """After so many failures in a row: 1, 2, 4 ... 60 s, less up to a quarter of that by `luck`, 0 to 1.

    `asked` are seconds that the receiver asked for (Retry-After). Luck spreads the rooms' next tries.
    """
    seconds = min(FIRST_SECONDS * float(1 << min(failures - 1, 10)), LAST_SECONDS)
    return max(seconds * (1 - luck / 4), asked)
