"""Flights of a handshake that are large, reordered, early, lost or in vain."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
from OpenSSL import SSL

from media.transport.certificate import Certificate
from media.transport.dtls import DtlsLink
from media.transport.flight import LAST_REPEATS, REPEATS
from tests.unit.media.transport.dtls_far_end import FarEnd, far_end, linked, records, shake_hands

BOTH_ROLES = pytest.mark.parametrize("we_are_client", [False, True], ids=["server", "client"])
# Chromium offers DTLS 1.3 and 1.2, a key share of X25519MLKEM768, and three SRTP profiles, in two datagrams.
CHROMIUM = Path("tests/fixtures/dtls/client-hello-chromium-156.hex")
PATIENCE = 2.0  # seconds
HANDSHAKE = b"\x16\xfe\xfd"  # a record of it, of DTLS 1.2


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    return Certificate.generate()


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 0, 1, 1), (1, 1, 0)])
async def test_a_client_hello_of_two_datagrams_is_answered_in_whatever_order_they_come(
    certificate: Certificate, order: Sequence[int]
) -> None:
    hello = [bytes.fromhex(line) for line in CHROMIUM.read_text().split()]
    assert max(map(len, hello)) == 1200
    answers: list[bytes] = []
    link = DtlsLink(
        certificate, [("sha-256", "00")], is_client=False, send=answers.append, on_closed=lambda: None
    )
    for number in order:
        link.receive(hello[number])
    shaking = asyncio.create_task(link.handshake())
    while not answers:
        await asyncio.sleep(0)
    assert answers[0].startswith(HANDSHAKE)
    assert max(map(len, answers)) <= 1200
    shaking.cancel()
    link.close()


@BOTH_ROLES
async def test_a_flight_whose_records_come_the_wrong_way_round(
    certificate: Certificate, tmp_path: Path, we_are_client: bool
) -> None:
    far = far_end(tmp_path, is_client=not we_are_client)
    far.ssl.set_ciphertext_mtu(256)

    def backwards(datagram: bytes) -> None:
        for record in reversed(records(datagram)):
            far.link.receive(record)

    far.arrive = backwards
    async with linked(certificate, far) as link, in_time(far):
        assert await shake_hands(link, far) == far.keys()


async def test_a_server_that_listens_a_moment_later_gets_our_first_flight_again(
    certificate: Certificate, tmp_path: Path
) -> None:
    """FFmpeg's muxer, which waits for our answer to its check first."""
    far = far_end(tmp_path, is_client=False)
    seen: list[bytes] = []

    def first_is_lost(datagram: bytes) -> bool:
        seen.append(datagram)
        return len(seen) == 1

    far.lost = first_is_lost
    loop = asyncio.get_running_loop()
    began_at = loop.time()
    async with linked(certificate, far) as link:
        await shake_hands(link, far)
        assert REPEATS[0] <= loop.time() - began_at < 0.9  # OpenSSL repeats after a second
        assert seen[1] == seen[0]
        count = len(seen)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_REPEATS[0] + 0.1):
                await asyncio.Event().wait()
    assert len(seen) - count == 1, "after the handshake a peer gets nothing more but our goodbye"


@BOTH_ROLES
async def test_a_peer_that_never_answers_costs_a_few_flights(
    certificate: Certificate, tmp_path: Path, we_are_client: bool
) -> None:
    far = far_end(tmp_path, is_client=not we_are_client)
    seen: list[bytes] = []

    def all_is_lost(datagram: bytes) -> bool:
        seen.append(datagram)
        return True

    far.lost = all_is_lost
    async with linked(certificate, far) as link:
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


@BOTH_ROLES
@pytest.mark.alone
async def test_with_a_fifth_of_all_datagrams_lost_most_handshakes_are_done_within_two_seconds(
    certificate: Certificate, tmp_path: Path, we_are_client: bool
) -> None:
    """The peer's own timer is OpenSSL's, of a second. Without early repeats 41 of 60 are done by then."""
    times = await asyncio.gather(
        *(lossy_handshake(certificate, tmp_path, seed, we_are_client=we_are_client) for seed in range(60))
    )
    print(f"seconds: {sorted(round(each, 2) for each in times)}")
    assert sum(each < PATIENCE for each in times) >= 46


async def lossy_handshake(
    certificate: Certificate, folder: Path, seed: int, *, we_are_client: bool, delay: float = 0.02
) -> float:
    """The seconds until both ends have keys; `PATIENCE` if that takes longer."""
    loop = asyncio.get_running_loop()
    chance = random.Random(seed)

    def lossy(deliver: Callable[[bytes], None]) -> Callable[[bytes], None]:
        def send(datagram: bytes) -> None:
            if chance.random() >= 0.2:
                loop.call_later(delay, deliver, datagram)

        return send

    far = far_end(folder, is_client=not we_are_client)
    link = far.link = DtlsLink(
        certificate,
        [far.fingerprint()],
        is_client=we_are_client,
        send=lossy(far.receive),
        on_closed=lambda: None,
    )
    far.arrive = lossy(link.receive)
    began_at = loop.time()
    async with in_time(far):
        if far.is_client:
            far.advance()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await link.handshake()
                await far.done.wait()
    link.close()
    return min(PATIENCE, loop.time() - began_at)


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

    timer = asyncio.create_task(keep_time())
    try:
        yield
    finally:
        timer.cancel()
