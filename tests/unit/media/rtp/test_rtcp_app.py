"""Application-defined RTCP, by RFC 3550 6.7."""

import pytest

from media.rtp.rtcp import RtcpError, parse_compound, pli
from media.rtp.rtcp_app import App, app


@pytest.mark.parametrize("data", [b"", b"four", b"eight of"])
def test_it_is_read_as_it_was_written(data: bytes) -> None:
    packet = App(0xDEADBEEF, b"NAME", data)
    written = app(packet)
    assert written == bytes((0x80, 204, 0, 2 + len(data) // 4)) + b"\xde\xad\xbe\xefNAME" + data
    assert parse_compound(written + pli(1, 2))[0] == packet


def test_one_without_a_name_is_an_error() -> None:
    with pytest.raises(RtcpError):
        parse_compound(bytes((0x80, 204, 0, 1)) + bytes(4))
