"""Flights of a handshake that are large, reordered, early, lost or in vain."""

import asyncio
import contextlib
import random
import struct
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path

import pytest
from OpenSSL import SSL

from media.transport.certificate import Certificate
from media.transport.dtls import DtlsLink
from media.transport.flight import LAST_REPEATS, REPEATS
from tests.support.meanwhile import meanwhile
from tests.unit.media.transport.dtls_far_end import Ends, FarEnd, records, shake_hands

CHROMIUM = Path("tests/fixtures/dtls/client-hello-chromium-156.hex")
HANDSHAKE = b"\x16\xfe\xfd"  # a record of it, of DTLS 1.2
DTLS_1_2, DTLS_1_3 = b"\xfe\xfd", b"\xfe\xfc"


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 0, 1, 1), (1, 1, 0)])
async def test_a_client_hello_of_two_datagrams_is_answered_in_whatever_order_they_come(
    certificate: Certificate, order: Sequence[int]
) -> None:
    hello = [bytes.fromhex(line) for line in CHROMIUM.read_text().split()]
    assert max(map(len, hello)) == 1200
    answers = await answers_to([hello[number] for number in order], certificate)
    assert answers[0].startswith(HANDSHAKE)
    assert max(map(len, answers)) <= 1200


async def answers_to(hello: Iterable[bytes], certificate: Certificate) -> list[bytes]:
    answers: list[bytes] = []
    link = DtlsLink(
        certificate, [("sha-256", "00")], is_client=False, send=answers.append, on_closed=lambda: None
    )
    for datagram in hello:
        link.receive(datagram)
    shaking = asyncio.create_task(link.handshake())
    while not answers:
        await asyncio.sleep(0)
    shaking.cancel()
    link.close()
    return answers


def extension(kind: int, body: bytes) -> bytes:
    return struct.pack("!HH", kind, len(body)) + body


def listed(body: bytes) -> bytes:
    """A list of values of 16 bits, behind its length."""
    return struct.pack("!H", len(body)) + body


def hello_of_firefox() -> bytes:
    """A ClientHello as NSS writes it that offers DTLS 1.3, in one datagram."""
    rng = random.Random(1)
    shares = (struct.pack("!HH", 29, 32) + rng.randbytes(32), struct.pack("!HH", 23, 65) + rng.randbytes(65))
    extensions = b"".join(
        (
            extension(23, b""),  # extended master secret
            extension(0xFF01, b"\0"),
            extension(10, listed(bytes.fromhex("001d001700180019"))),
            extension(11, b"\1\0"),
            extension(14, listed(bytes.fromhex("0007000800010002")) + b"\0"),  # use_srtp
            extension(51, listed(b"".join(shares))),
            extension(43, b"\4" + DTLS_1_3 + DTLS_1_2),
            extension(13, listed(bytes.fromhex("0403050306030804080508060401"))),
            extension(45, b"\1\1"),
            extension(28, struct.pack("!H", 16_385)),
        )
    )
    suites = listed(bytes.fromhex("130113031302c02bc02fcca9cca8c00ac009c013c014"))
    body = DTLS_1_2 + rng.randbytes(32) + b"\0" + b"\0" + suites + b"\1\0" + listed(extensions)
    length = struct.pack("!I", len(body))[1:]
    message = b"\1" + length + bytes(5) + length + body
    return b"\x16\xfe\xff" + bytes(8) + listed(message)


def extensions_of(server_hello: bytes) -> set[int]:
    """Of its body."""
    at = 2 + 32
    at += 1 + server_hello[at] + 2 + 1
    end = at + 2 + struct.unpack_from("!H", server_hello, at)[0]
    at, kinds = at + 2, set()
    while at < end:
        kind, length = struct.unpack_from("!HH", server_hello, at)
        kinds.add(kind)
        at += 4 + length
    return kinds


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
async def test_who_offers_dtls_1_3_gets_1_2(certificate: Certificate, browser: str) -> None:
    chromium = [bytes.fromhex(line) for line in CHROMIUM.read_text().split()]
    hello = chromium if browser == "chromium" else [hello_of_firefox()]
    assert DTLS_1_3 + DTLS_1_2 in b"".join(hello)  # supported_versions (RFC 8446 4.2.1)
    record = records((await answers_to(hello, certificate))[0])[0]
    assert (record[:3], record[13]) == (HANDSHAKE, 2)  # a ServerHello
    server_hello = record[25:]
    assert server_hello[:2] == DTLS_1_2
    kinds = extensions_of(server_hello)
    assert 14 in kinds  # SRTP
    assert 43 not in kinds  # by which a server would choose 1.3


async def test_a_flight_whose_records_come_the_wrong_way_round(ends: Ends) -> None:
    far = ends.far()
    far.ssl.set_ciphertext_mtu(256)

    def backwards(datagram: bytes) -> None:
        for record in reversed(records(datagram)):
            far.link.receive(record)

    far.arrive = backwards
    async with ends.linked(far) as link, in_time(far):
        assert await shake_hands(link, far) == far.keys()


async def test_a_server_that_listens_a_moment_later_gets_our_first_flight_again(client: Ends) -> None:
    """FFmpeg's muxer, which waits for our answer to its check first."""
    far = client.far()
    seen = far.heard
    far.lost = lambda _: len(seen) == 1
    loop = asyncio.get_running_loop()
    began_at = loop.time()
    async with client.linked(far) as link:
        await shake_hands(link, far)
        assert REPEATS[0] <= loop.time() - began_at < 0.9  # OpenSSL repeats after a second
        assert seen[1] == seen[0]
        count = len(seen)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_REPEATS[0] + 0.1):
                await asyncio.Event().wait()
    assert len(seen) - count == 1, "after the handshake a peer gets nothing more but our goodbye"


async def test_a_peer_that_never_answers_costs_a_few_flights(ends: Ends) -> None:
    far = ends.far()
    seen = far.heard
    far.lost = lambda _: True
    async with ends.linked(far) as link:
        if far.is_client:
            far.advance()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(link.handshake(), REPEATS[-1] + 0.15)
        assert len(seen) == 1 + len(REPEATS)
        assert sum(map(len, seen)) < 5_000
        link.close()
        count = len(seen)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                await asyncio.Event().wait()
        assert len(seen) == count


async def test_each_of_our_datagrams_may_be_lost_once_and_the_peers_timer_is_not_needed(ends: Ends) -> None:
    far = ends.far()
    far.lost = lambda datagram: far.heard.count(datagram) == 1
    loop = asyncio.get_running_loop()
    began_at = loop.time()
    async with ends.linked(far) as link, in_time(far):
        assert await shake_hands(link, far) == far.keys()
        assert loop.time() - began_at < 0.9  # OpenSSL repeats after a second
    assert len(set(far.heard)) >= 2


@contextlib.asynccontextmanager
async def in_time(far: FarEnd) -> AsyncIterator[None]:
    """`far` repeats its flights, as OpenSSL's own timer says."""

    async def keep_time() -> None:
        while True:
            seconds = far.ssl.DTLSv1_get_timeout()
            await asyncio.sleep(min(0.02, seconds or 0.02))  # it may change meanwhile
            with contextlib.suppress(SSL.Error):
                if far.ssl.DTLSv1_handle_timeout():
                    far.flush()

    async with meanwhile(keep_time()):
        yield
