"""What opens a run of SRTP packets in one call, where there is a native step."""

from collections.abc import Callable
from typing import Protocol

from media.rtp.packet import RtpPacket


class Opener(Protocol):
    """Of one session key: `media.native.fan_out.Opener`, of which see the stub."""

    def open(
        self, datagrams: list[bytes], first: int, packet: Callable[..., RtpPacket], /
    ) -> list[RtpPacket] | None: ...


MakeOpener = Callable[[bytes, bytes], Opener]  # of the session key and its salt
