"""The buffers of a media socket: what a worker asks of the kernel, and what the kernel grants."""

import socket
import struct
from typing import NamedTuple

from shared.telemetry.logging import get_logger

ASKED_BYTES = 8 * 1024 * 1024  # each way: what a burst of keyframes to a thousand viewers takes
# What makes the kernel grant it to everybody. Root, and whoever has CAP_NET_ADMIN, get it regardless.
SYSCTL = f"sysctl -w net.core.rmem_max={ASKED_BYTES} net.core.wmem_max={ASKED_BYTES}"
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33  # asm-generic/socket.h; not in the socket module
_SO_MEMINFO, _MEMINFO = 55, struct.Struct("=9I")  # linux/sock_diag.h, SK_MEMINFO_*
_DROPS = 8

log = get_logger()


class Granted(NamedTuple):
    """Bytes, as they were asked for: the kernel itself counts twice as many, for its own records."""

    receive: int
    send: int

    @property
    def suffices(self) -> bool:
        return min(self) >= ASKED_BYTES

    def warn_if_small(self) -> None:
        """One log line, with what mends it."""
        if not self.suffices:
            log.warning(
                "the kernel grants smaller socket buffers than asked: bursts of media will lose packets",
                receive=self.receive,
                send=self.send,
                asked=ASKED_BYTES,
                mend=SYSCTL,
            )


def enlarge(media: socket.socket) -> Granted:
    """Ask for `ASKED_BYTES` each way; returns what was granted."""
    return Granted(
        _enlarge(media, _SO_RCVBUFFORCE, socket.SO_RCVBUF),
        _enlarge(media, _SO_SNDBUFFORCE, socket.SO_SNDBUF),
    )


def dropped(media: socket.socket) -> int | None:
    """Datagrams that the kernel dropped because the receive buffer was full; None: it does not say.

    One call when somebody asks. SO_RXQ_OVFL tells the same count with each datagram, which costs each read.
    """
    try:
        counts = media.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
    except OSError:  # closed, or Linux before 4.12
        return None
    return int(_MEMINFO.unpack(counts)[_DROPS]) if len(counts) == _MEMINFO.size else None


def _enlarge(media: socket.socket, forced: int, plain: int) -> int:
    try:
        media.setsockopt(socket.SOL_SOCKET, forced, ASKED_BYTES)
    except OSError:  # without the right to exceed the system's limit
        media.setsockopt(socket.SOL_SOCKET, plain, ASKED_BYTES)
    return media.getsockopt(socket.SOL_SOCKET, plain) // 2
