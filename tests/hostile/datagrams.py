"""What strangers do over UDP: in sessions of their own, and under the addresses of others."""

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import AsyncIterator, Sequence

from media.rtp.rtcp import nack, pli
from media.transport.certificate import Certificate
from tests.hostile.target import ROOM, Target
from tools.bench.endpoint import Context
from tools.bench.inbox import Inbox
from tools.bench.publisher import Publisher
from tools.bench.viewer import Viewer

VICTIMS = [f"127.0.0.{number}" for number in range(100, 120)]
TURN_SECONDS = 0.02
A_TURN = 40  # datagrams


class ChangingPictures:
    """Nothing but keyframes, each of another size: of a recording each would begin a file."""

    rate = 60
    stamped = False

    def payloads(self, number: int, *, keyframe: bool) -> Sequence[bytes]:
        size = struct.pack("<HH", 16 + number % 1000, 16 + number // 1000 % 1000)
        return [b"\x10" + b"\x10\x00\x00\x9d\x01\x2a" + size + bytes(20)]


class StrangeViewer(Viewer):
    """A viewer with a valid session, who does with it what he likes."""

    def flood(self) -> None:
        """Ask for everything again, in one compound."""
        assert self._outbound is not None
        source = struct.unpack_from("!I", self._latest, 8)[0] if self._latest else 0
        latest = struct.unpack_from("!H", self._latest, 2)[0] if self._latest else 0
        lost = [(latest - back) & 0xFFFF for back in range(1, 400)]
        compound = nack(self.ssrc, source, lost) + 20 * pli(self.ssrc, source)
        self._send(self._outbound.protect_rtcp(compound))

    @property
    def server(self) -> tuple[str, int]:
        return self._remote


async def forged_checks(target: Target) -> None:
    """Checks of a real session that name victims as its address, and RTCP that keeps it alive."""
    with contextlib.ExitStack() as stack:
        victims = [stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _ in VICTIMS]
        for victim, host in zip(victims, VICTIMS, strict=True):
            victim.setblocking(False)
            victim.bind((host, 0))
        async with _viewer(target) as viewer:
            while True:
                for victim in victims:
                    victim.sendto(viewer.check(), viewer.server)
                    viewer.tick()
                    target.done["forged checks"] += 1
                    await asyncio.sleep(0.05)
                    for one in victims:
                        with contextlib.suppress(BlockingIOError):
                            while True:
                                target.done["bytes at victims"] += len(one.recv(65536))


async def rtcp_floods(target: Target) -> None:
    """Authentic RTCP that asks for hundreds of packets and for keyframes, without end."""
    async with _viewer(target) as viewer:
        while True:
            for _ in range(A_TURN):
                viewer.flood()
            target.done["RTCP compounds"] += A_TURN
            await asyncio.sleep(TURN_SECONDS)


async def changing_pictures(target: Target) -> None:
    """A publisher whose pictures change their size sixty times a second, while he is recorded."""
    publisher = Publisher(f"{target.control}/api/whip/publish/changing", _context())
    publisher.stream = ChangingPictures()
    await publisher.connect()
    while True:
        publisher.tick()
        target.done["changing pictures"] += await publisher.send(publisher.stream.rate)


async def forged_datagrams(target: Target) -> None:
    """STUN, DTLS, RTP and RTCP of nobody, under the addresses of honest viewers."""
    chance = random.Random(1)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        async with _viewer(target) as viewer:
            host, port = viewer.server
        while True:
            for _ in range(A_TURN):
                first, second = chance.choice(((0, 1), (22, 254), (128, 96), (128, 200), (129, 205)))
                datagram = bytes((first, second)) + chance.randbytes(chance.randrange(10, 200))
                raw.sendto(_packet(chance.choice(target.viewers), (host, port), datagram), (host, 0))
            target.done["forged datagrams"] += A_TURN
            await asyncio.sleep(TURN_SECONDS)


def _context() -> Context:
    return Context({}, Certificate.generate(), Inbox())


def _packet(source: tuple[str, int], to: tuple[str, int], payload: bytes) -> bytes:
    """IPv4 and UDP (RFC 791 3.1, RFC 768); the kernel fills in the header's checksum."""
    udp = struct.pack("!HHHH", source[1], to[1], 8 + len(payload), 0) + payload
    addresses = socket.inet_aton(source[0]) + socket.inet_aton(to[0])
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, socket.IPPROTO_UDP, 0) + addresses + udp


@contextlib.asynccontextmanager
async def _viewer(target: Target) -> AsyncIterator[StrangeViewer]:
    viewer = StrangeViewer(f"{target.control}/api/whep/play/{ROOM}", _context())
    await viewer.connect()
    try:
        yield viewer
    finally:
        await viewer.close()
