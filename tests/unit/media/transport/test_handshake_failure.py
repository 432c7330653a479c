"""Each way in which a handshake fails has its name, OpenSSL's words, and ends at the peer, too."""

import asyncio
import hashlib
import struct

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from media.transport.dtls import DtlsError
from media.transport.handshake_failure import HandshakeFailure, failure_of
from tests.unit.media.transport.dtls_far_end import IN_TIME, Ends, FarEnd, shake_hands


async def failed(ends: Ends, far: FarEnd, fingerprints: list[tuple[str, str]] | None = None) -> DtlsError:
    async with ends.linked(far, fingerprints) as link:
        with pytest.raises(DtlsError) as caught:
            await shake_hands(link, far)
        assert not link.is_connected
    return caught.value


async def test_a_certificate_on_p_224(server: Ends) -> None:
    """FFmpeg makes it when it is built with GnuTLS."""
    far = server.far(key=ec.generate_private_key(ec.SECP224R1()))
    error = await failed(server, far)
    assert error.failure is HandshakeFailure.UNSUPPORTED_CURVE
    assert str(error).endswith("docs/clients.md has an option (wrong curve)")
    assert "alert" in far.refused


async def test_no_certificate(server: Ends) -> None:
    far = server.far(without_certificate=True)
    empty = hashlib.sha256(b"").digest().hex(":").upper()
    error = await failed(server, far, [("sha-256", empty)])
    assert error.failure is HandshakeFailure.NO_CERTIFICATE
    assert "alert" in far.refused


async def test_another_certificate_than_that_of_the_offer(ends: Ends) -> None:
    far = ends.far()
    error = await failed(ends, far, [("sha-256", ends.certificate.fingerprint)])
    assert error.failure is HandshakeFailure.WRONG_FINGERPRINT
    assert far.said_goodbye


@pytest.mark.parametrize("srtp", [b"", b"SRTP_AES128_CM_SHA1_32", b"SRTP_AEAD_AES_256_GCM"])
async def test_no_profile_of_ours(ends: Ends, srtp: bytes) -> None:
    far = ends.far(srtp=srtp)
    error = await failed(ends, far)
    assert error.failure is HandshakeFailure.NO_SRTP_PROFILE
    assert far.said_goodbye


async def test_no_cipher_of_ours(server: Ends) -> None:
    far = server.far(ciphers=b"DHE-RSA-AES256-GCM-SHA384")
    error = await failed(server, far)
    assert error.failure is HandshakeFailure.NO_COMMON_CIPHER
    assert "alert" in far.refused


async def test_an_alert_of_the_peer(ends: Ends) -> None:
    far = ends.far()
    far.ssl.set_verify(SSL.VERIFY_PEER, lambda *_: False)
    error = await failed(ends, far)
    assert error.failure is HandshakeFailure.REFUSED_BY_PEER
    assert " alert " in error.words


ALERT = struct.Struct("!BHHHIHBB")  # type, version, epoch, number (6 octets), length, level, description


def alert(level: int, description: int) -> bytes:
    return ALERT.pack(21, 0xFEFD, 0, 0, 1000, 2, level, description)


@pytest.mark.parametrize(
    ("datagram", "failure"),
    [
        (alert(1, 0), HandshakeFailure.CLOSED_BY_PEER),
        (alert(2, 40), HandshakeFailure.REFUSED_BY_PEER),
        (alert(2, 70), HandshakeFailure.REFUSED_BY_PEER),  # protocol version
    ],
)
async def test_an_alert_at_once(ends: Ends, datagram: bytes, failure: HandshakeFailure) -> None:
    far = ends.far()
    far.lost = lambda _: True
    async with ends.linked(far) as link:
        link.receive(datagram)
        with pytest.raises(DtlsError) as caught:
            await asyncio.wait_for(link.handshake(), IN_TIME)
    assert caught.value.failure is failure


async def test_a_peer_that_says_nothing_or_stops(ends: Ends) -> None:
    far = ends.far()
    arrive, sent = far.arrive, asyncio.Event()

    def first_only(datagram: bytes) -> None:
        if not sent.is_set():
            arrive(datagram)
        sent.set()

    far.arrive = first_only
    async with ends.linked(far) as link:
        assert link.stopped_at.failure is HandshakeFailure.SILENT
        shaking = asyncio.create_task(link.handshake())
        if far.is_client:
            far.advance()
        await asyncio.wait_for(sent.wait(), IN_TIME)
        while link.stopped_at.failure is HandshakeFailure.SILENT:
            await asyncio.sleep(0)
        assert link.stopped_at.failure is HandshakeFailure.STALLED
        shaking.cancel()


@pytest.mark.parametrize(
    ("error", "failure", "words"),
    [
        (SSL.Error([("", "", "no shared cipher")]), HandshakeFailure.NO_COMMON_CIPHER, "no shared cipher"),
        (SSL.Error([("", "", "unsupported protocol")]), HandshakeFailure.NO_COMMON_VERSION, None),
        (SSL.Error([("", "", "tls alert protocol version")]), HandshakeFailure.REFUSED_BY_PEER, None),
        (SSL.Error([("", "", "bad signature"), ("", "", "x")]), HandshakeFailure.BROKEN, "bad signature; x"),
        (SSL.Error(), HandshakeFailure.BROKEN, ""),
        (SSL.SysCallError(-1, "Unexpected EOF"), HandshakeFailure.BROKEN, ""),
        (SSL.ZeroReturnError(), HandshakeFailure.CLOSED_BY_PEER, ""),
    ],
)
def test_openssls_words_have_a_name(error: SSL.Error, failure: HandshakeFailure, words: str | None) -> None:
    found, said = failure_of(error)
    assert found is failure
    assert words is None or said == words
