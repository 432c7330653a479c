"""Padding at the end of RTP and RTCP packets (RFC 3550 5.1, 6.4.1)."""


def without_padding(data: bytes) -> bytes | None:
    """`data` without its padding, whose length (itself included) is the last byte; None: it is wrong."""
    return data[: -data[-1]] if data and 0 < data[-1] <= len(data) else None
