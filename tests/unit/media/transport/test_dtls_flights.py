"""Flights of a handshake that are large, reordered, early, lost or in vain."""

import asyncio
import contextlib
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from media.transport.certificate import Certificate
from media.transport.dtls import DtlsLink
from media.transport.flight import LAST_REPEATS, REPEATS
from tests.unit.media.transport.dtls_far_end import Ends, records, shake_hands

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


async def test_who_offers_dtls_1_3_gets_1_2(certificate: Certificate) -> None:
    hello = [bytes.fromhex(line) for line in CHROMIUM.read_text().split()]
    assert DTLS_1_3 + DTLS_1_2 in b"".join(hello)  # supported_versions (RFC 8446 4.2.1)
    record = records((await answers_to(hello, certificate))[0])[0]
    assert (record[:3], record[13]) == (HANDSHAKE, 2)  # a ServerHello
    server_hello = record[25:]
    assert server_hello[:2] == DTLS_1_2
    kinds = extensions_of(server_hello)
    assert 14 in kinds  # SRTP
    assert 43 not in kinds  # by which a server would choose 1.3


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


async def test_each_of_our_datagrams_may_be_lost_once_and_the_peers_timer_is_not_needed(ends: Ends) -> None:
    far = ends.far()
    far.lost = lambda datagram: far.heard.count(datagram) == 1
    loop = asyncio.get_running_loop()
    began_at = loop.time()
    async with ends.linked(far) as link:
        assert await shake_hands(link, far) == far.keys()
        assert loop.time() - began_at < 0.9  # OpenSSL repeats after a second
    assert len(set(far.heard)) >= 2
