"""Whether the kernel splits and joins runs of datagrams, tried on loopback."""

import errno
import socket
import sys

from deploy.doctor.finding import About, Finding
from deploy.doctor.part import Part
from media.transport.udp import UDP_GRO, UDP_SEGMENT
from shared.settings.settings import Settings

ABOUT = About("UDP offload")
SIZE, COUNT = 1_000, 4  # of the datagrams of the run that is tried
ANSWER_SECONDS = 2.0


def look(_: Settings, part: Part) -> list[Finding]:
    if not part.has_workers:
        return []
    try:
        return [verdict(splits=splits(), joins=joins())]
    except OSError as error:
        return [ABOUT.warn(f"could not be tried on loopback: {error.strerror}", "ip link set lo up")]


def verdict(*, splits: bool, joins: bool) -> Finding:
    if splits and joins:
        return ABOUT.ok("the kernel splits runs of datagrams (GSO) and joins them (GRO)")
    if splits:
        return ABOUT.warn(
            "the kernel joins no datagrams (UDP GRO): each one costs a system call of its own",
            "a Linux kernel from 5.0 on",
        )
    return ABOUT.warn(
        "the kernel splits no runs of datagrams (UDP GSO): each one costs a system call of its own",
        "a Linux kernel from 4.18 on, and no sandbox (gVisor) between",
    )


def splits() -> bool:
    """Whether a run that is sent in one call arrives as datagrams of their own."""
    with _bound() as receiver, _bound() as sender:
        if not _set(sender, UDP_SEGMENT, SIZE):
            return False
        return _sent(sender, receiver) and [len(part) for part in _received(receiver)] == [SIZE] * COUNT


def joins() -> bool:
    """Whether such a run arrives whole, with the size of its datagrams."""
    with _bound() as receiver, _bound() as sender:
        if not (_set(sender, UDP_SEGMENT, SIZE) and _set(receiver, UDP_GRO, 1) and _sent(sender, receiver)):
            return False
        try:
            data, notes, _, _ = receiver.recvmsg(SIZE * COUNT, socket.CMSG_SPACE(4))
        except TimeoutError:
            return False
        sizes = [int.from_bytes(note[2], sys.byteorder) for note in notes]
        return (len(data), sizes) == (SIZE * COUNT, [SIZE])


def _bound() -> socket.socket:
    bound = socket.socket(type=socket.SOCK_DGRAM)
    bound.bind(("127.0.0.1", 0))
    bound.settimeout(ANSWER_SECONDS)
    return bound


def _set(bound: socket.socket, option: int, value: int) -> bool:
    try:
        bound.setsockopt(socket.IPPROTO_UDP, option, value)
    except OSError:
        return False
    return True


def _sent(sender: socket.socket, receiver: socket.socket) -> bool:
    try:
        return sender.sendto(bytes(SIZE * COUNT), receiver.getsockname()) == SIZE * COUNT
    except OSError as error:
        if error.errno == errno.ENETUNREACH:
            raise
        return False  # some kernels refuse the run only here


def _received(receiver: socket.socket) -> list[bytes]:
    try:
        return [receiver.recv(SIZE * COUNT) for _ in range(COUNT)]
    except TimeoutError:
        return []
