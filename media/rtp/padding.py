"""Padding at the end of RTP and RTCP packets (RFC 3550 5.1, 6.4.1)."""


def without_padding(data: bytes) -> bytes | None:
    """`data` without its padding, whose length (itself included) is the last byte; None: it is wrong."""
    padding = data[-1] if data else 0
    return data[:-padding] if 0 < padding <= len(data) else None
