"""What an SRTCP datagram tells before it is decrypted: its first header is in the clear (RFC 3711 3.4).

Only authentication shows whether that is genuine.
"""

_HEADER = 4  # bytes
_RR = 201


def begins_with_report(datagram: bytes) -> bool:
    """Whether its first packet is a receiver report."""
    return len(datagram) >= _HEADER and datagram[1] == _RR


def is_lone_report(datagram: bytes, overhead: int) -> bool:
    """Whether a datagram, `overhead` bytes longer than its plain RTCP, is a single receiver report."""
    if not begins_with_report(datagram):
        return False
    words = datagram[2] << 8 | datagram[3]
    return _HEADER + 4 * words + overhead == len(datagram)
