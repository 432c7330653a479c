"""NAL units that lie whole in one RTP payload, each behind its 16-bit size."""

from collections.abc import Iterator


def aggregated(payload: bytes, at: int) -> Iterator[bytes]:
    """The units from `at` on, up to one that is cut or empty.

    In a STAP-A they begin at 1 (RFC 6184 5.7.1), in an AP at 2 (RFC 7798 4.4.2).
    """
    while at + 2 < len(payload):
        start = at + 2
        at = start + int.from_bytes(payload[at:start])
        if not start < at <= len(payload):
            return
        yield payload[start:at]
