"""A DTLS link does what it must, with plain OpenSSL at the far end."""

import asyncio
import contextlib
import random
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from OpenSSL import SSL
from structlog.testing import capture_logs

from media.rtp.srtp import Profile
from media.transport.dtls import QUEUE_LIMIT, DtlsError
from tests.support.waiting import eventually
from tests.unit.media.transport.dtls_far_end import (
    IN_TIME,
    Ends,
    FarEnd,
    Key,
    make_certificate,
    records,
    shake_hands,
)


@pytest.fixture
def our_logs() -> Iterator[list[Any]]:
    """What we write to the log; `caplog` has what asyncio does."""
    with capture_logs() as logs:
        yield logs


# --- handshakes


@pytest.mark.parametrize("kind", ["ECDSA", "RSA"])
async def test_keys_are_agreed_on(ends: Ends, kind: str) -> None:
    key: Key | None = rsa.generate_private_key(65537, 2048) if kind == "RSA" else None
    far = ends.far(key=key)
    async with ends.linked(far) as link:
        keys = await shake_hands(link, far)
    assert keys == far.keys()
    assert keys.profile is Profile.AEAD_AES_128_GCM
    assert far.ssl.get_protocol_version_name() == "DTLSv1.2"
    assert far.said_goodbye
    assert not far.closed


@pytest.mark.parametrize(
    ("srtp", "profile"),
    [
        (b"SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM", Profile.AEAD_AES_128_GCM),
        (b"SRTP_AES128_CM_SHA1_80", Profile.AES128_CM_SHA1_80),
    ],
)
async def test_gcm_is_preferred_and_sha1_is_taken(ends: Ends, srtp: bytes, profile: Profile) -> None:
    far = ends.far(srtp=srtp)
    async with ends.linked(far) as link:
        keys = await shake_hands(link, far)
    assert keys == far.keys()
    if not (ends.we_are_client and b":" in srtp):  # the server chooses, in its own order
        assert keys.profile is profile


@pytest.mark.parametrize("srtp", [b"", b"SRTP_AES128_CM_SHA1_32"])
async def test_without_a_profile_of_ours_there_are_no_keys(ends: Ends, srtp: bytes) -> None:
    far = ends.far(srtp=srtp)
    async with ends.linked(far) as link:
        with pytest.raises(DtlsError):
            await shake_hands(link, far)


async def test_a_certificate_with_a_wrong_version_is_taken_by_its_digest(ends: Ends) -> None:
    """As OBS brings it."""
    key = ec.generate_private_key(ec.SECP256R1())
    der = make_certificate(key)
    version = bytes.fromhex("a003020102")
    assert der.count(version) == 1
    der = der.replace(version, bytes.fromhex("a003020103"))
    with pytest.raises(x509.InvalidVersion):
        x509.load_der_x509_certificate(der)
    far = ends.far(key=key, der=der)
    async with ends.linked(far) as link:
        assert await shake_hands(link, far) == far.keys()


# --- a bad network


async def test_a_lost_flight_is_sent_again(ends: Ends) -> None:
    far = ends.far()
    seen: list[bytes] = []

    def first_is_lost(datagram: bytes) -> bool:
        seen.append(datagram)
        return len(seen) == 1

    far.lost = first_is_lost
    async with ends.linked(far) as link:
        assert await shake_hands(link, far) == far.keys()


async def test_fragments_and_doubles_and_garbage_in_between_are_harmless(ends: Ends) -> None:
    far = ends.far()
    far.ssl.set_ciphertext_mtu(256)
    noises = (b"\x16", b"\x16\xfe\xfd", b"\x17\xfe\xfd" + bytes(300), b"\x3f" * 40, b"\x14" * 13)

    def arrive(datagram: bytes) -> None:
        for number, record in enumerate(records(datagram)):
            far.link.receive(noises[number % len(noises)])
            far.link.receive(record)
            if number % 2:
                far.link.receive(record)

    far.arrive = arrive
    async with ends.linked(far) as link:
        assert await shake_hands(link, far) == far.keys()
    assert max(len(records(flight)) for flight in far.sent) >= 5


async def test_whatever_a_peer_sends_the_handshake_ends_in_keys_or_in_its_one_error(
    ends: Ends, caplog: pytest.LogCaptureFixture, our_logs: list[Any]
) -> None:
    outcomes = set()
    for seed in range(30):
        chance = random.Random(seed)

        far = ends.far()

        def arrive(datagram: bytes, chance: random.Random = chance, far: FarEnd = far) -> None:
            data = bytearray(datagram)
            for _ in range(chance.choice((0, 0, 1, 3))):
                data[chance.randrange(1, len(data))] = chance.randrange(256)
            far.link.receive(bytes(data[: chance.choice((len(data), len(data), len(data) - 1, 30))]))

        far.arrive = arrive
        async with ends.linked(far) as link:
            if far.is_client:
                far.advance()
            try:
                outcomes.add(type(await asyncio.wait_for(link.handshake(), 0.05)))
            except (DtlsError, TimeoutError) as error:
                outcomes.add(type(error))
    assert DtlsError in outcomes
    assert not caplog.records
    assert not our_logs


async def test_a_flood_is_dropped(server: Ends) -> None:
    far = server.far()
    async with server.linked(far) as link:
        for _ in range(10_000):
            link.receive(b"\x16" * 1000)
        assert len(link._received) == QUEUE_LIMIT


# --- after the handshake


async def test_the_peers_close_is_told_once(ends: Ends) -> None:
    far = ends.far()
    async with ends.linked(far) as link:
        await shake_hands(link, far)
        with contextlib.suppress(SSL.Error):
            far.ssl.shutdown()
        far.flush()
        await eventually("closed", lambda: far.closed, IN_TIME)
        link.receive(far.sent[-1])
    assert far.closed == 1


async def test_garbage_after_the_handshake_changes_nothing(
    ends: Ends, caplog: pytest.LogCaptureFixture, our_logs: list[Any]
) -> None:
    far = ends.far()
    chance = random.Random(5)
    async with ends.linked(far) as link:
        await shake_hands(link, far)
        for _ in range(1000):
            data = bytearray(chance.choice(far.sent))
            data[chance.randrange(len(data))] = chance.randrange(256)
            link.receive(bytes((chance.randrange(20, 64),)) + data[1:])
            link.receive(bytes((chance.randrange(20, 64),)) + chance.randbytes(chance.randrange(100)))
            await asyncio.sleep(0)
        far.ssl.send(b"nobody asked for data")
        far.flush()
        await eventually("all was read", lambda: not link._received, IN_TIME)
        assert link.is_connected
    assert not far.closed
    assert not caplog.records
    assert not our_logs


async def test_a_peer_that_renegotiates_is_closed(server: Ends) -> None:
    """OpenSSL refuses, and from then on would keep all that comes without reading it."""
    far = server.far()
    async with server.linked(far) as link:
        await shake_hands(link, far)
        far.ssl.renegotiate()
        far.advance()
        await eventually("closed", lambda: far.closed, IN_TIME)
    assert far.closed == 1


async def test_a_link_may_be_closed_at_any_time(ends: Ends) -> None:
    far = ends.far()
    async with ends.linked(far) as link:  # before the handshake
        link.close()
    far = ends.far()
    far.lost = lambda _: True
    async with ends.linked(far) as link:  # amid it
        shaking = asyncio.create_task(link.handshake())
        await asyncio.sleep(0)
        shaking.cancel()
        link.close()
        with pytest.raises(asyncio.CancelledError):
            await shaking
    far = ends.far()
    async with ends.linked(far) as link:  # and twice
        await shake_hands(link, far)
        link.close()
    assert not far.closed
