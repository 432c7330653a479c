"""RTCP that a peer has sent: whatever it is, it ends nothing."""

from collections.abc import Sequence

from media.rtp.rtcp import Packet, RtcpError, parse_compound


def packets_of(compound: bytes) -> Sequence[Packet]:
    """The packets of decrypted RTCP. What cannot be parsed has none: the next report comes soon."""
    try:
        return parse_compound(compound)
    except RtcpError:
        return ()
