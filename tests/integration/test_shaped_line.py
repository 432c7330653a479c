"""A shaped line between real sockets."""

import asyncio
import socket

import pytest

from tests.support.line_shape import Shape
from tests.support.shaped_line import HEADERS, LOOPBACK, shaped_line
from tests.support.waiting import eventually

SIZE = 1000 - HEADERS


class Sink(asyncio.DatagramProtocol):
    """Keeps what comes, and when."""

    def __init__(self) -> None:
        self.came: list[tuple[float, bytes]] = []

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.came.append((asyncio.get_running_loop().time(), data))


@pytest.mark.alone
@pytest.mark.parametrize("rate", [150_000, 2_000_000, 20_000_000])
async def test_two_clients_share_the_rate_of_a_line(rate: int) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        server.bind((LOOPBACK, 0))
        server.setblocking(False)
        async with shaped_line(server.getsockname(), down=Shape(rate=rate)) as line:
            ends = [await loop.create_datagram_endpoint(Sink, remote_addr=line.address) for _ in range(2)]
            sinks = [sink for _, sink in ends]
            backs = []
            for transport, _ in ends:
                transport.sendto(b"hello")
                backs.append((await loop.sock_recvfrom(server, 100))[1])
            began, sent = loop.time(), 0
            while (now := loop.time() - began) < 2.0:
                while sent * 1000 * 8 < 1.3 * rate * now:
                    await loop.sock_sendto(server, sent.to_bytes(4).ljust(SIZE), backs[sent % 2])
                    sent += 1
                await asyncio.sleep(0.002)
            await eventually("the queue is empty", lambda: line.down.due() is None, within=5)
            for transport, _ in ends:
                transport.close()
        merged = sorted(came for sink in sinks for came in sink.came)
        octets = 1000 * (len(merged) - 1)
        assert octets * 8 / (merged[-1][0] - merged[0][0]) == pytest.approx(rate, rel=0.03)
        for sink in sinks:
            numbers = [int.from_bytes(data[:4]) for _, data in sink.came]
            assert numbers == sorted(numbers)
            assert len(numbers) > 0.3 * len(merged)
        assert line.down.dropped + line.down.passed == sent
        print(f"late by {1000 * line.late():.1f} ms")


async def test_an_answer_leads_to_the_line() -> None:
    async with shaped_line(("198.51.100.7", 7100)) as line:
        answer = "m=audio 7100 UDP\r\na=candidate:1 1 udp 1 198.51.100.7 7100 typ host\r\n"
        host, port = line.address
        assert line.lead(answer) == f"m=audio {port} UDP\r\na=candidate:1 1 udp 1 {host} {port} typ host\r\n"
