"""What `media.transport.dtls` needs of aiortc is there and acts as it must; the far end is plain OpenSSL."""

import asyncio
import contextlib
import hashlib
import inspect
import random
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiortc import rtcdtlstransport
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from OpenSSL import SSL, crypto

from media.rtp.srtp import Profile, SrtpKeys, split_keying_material
from media.transport.dtls import QUEUE_LIMIT, Certificate, DtlsError, DtlsLink
from tests.support.waiting import eventually

IN_TIME = 10.0
BOTH_ROLES = pytest.mark.parametrize("we_are_client", [False, True], ids=["server", "client"])
BOTH_SRTP = b"SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80"
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    return Certificate.generateCertificate()


# --- the names


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [
        ("RTCCertificate", "generateCertificate", []),
        ("RTCCertificate", "_create_ssl_context", ["self", "srtp_profiles"]),
        ("RTCDtlsTransport", "__init__", ["self", "transport", "certificates"]),
        ("RTCDtlsTransport", "start", ["self", "remoteParameters"]),
        ("RTCDtlsTransport", "_validate_peer_identity", ["self", "remoteParameters"]),
        ("RTCDtlsTransport", "_setup_srtp", ["self"]),
        ("RTCDtlsTransport", "_recv_next", ["self"]),
        ("RTCDtlsTransport", "_set_role", ["self", "role"]),
        ("RTCDtlsTransport", "_set_state", ["self", "state"]),
    ],
)
def test_a_method_is_where_it_was(owner: str, name: str, parameters: list[str]) -> None:
    method = getattr(getattr(rtcdtlstransport, owner), name, None)
    moved = f"aiortc has moved {owner}.{name}: media/transport/dtls.py relies on it"
    assert method is not None, moved
    assert list(inspect.signature(method).parameters) == parameters, moved


@pytest.mark.parametrize("method", ["start", "_recv_next", "_do_handshake"])
def test_what_is_awaited_is_awaitable(method: str) -> None:
    assert inspect.iscoroutinefunction(getattr(rtcdtlstransport.RTCDtlsTransport, method))


async def test_an_attribute_is_where_it_was(certificate: Certificate) -> None:
    link = DtlsLink(
        certificate, [("sha-256", "")], is_client=False, send=lambda _: None, on_closed=lambda: None
    )
    dtls = link._dtls
    for name, value in {
        "_ssl": None,
        "_task": None,
        "_role": "server",
        "_state": rtcdtlstransport.State.NEW,
        "state": "new",
    }.items():
        assert getattr(dtls, name, "moved") == value, f"aiortc has moved RTCDtlsTransport.{name}"
    assert {"NEW", "CONNECTING", "CONNECTED", "CLOSED", "FAILED"} == set(
        rtcdtlstransport.State.__members__
    ), "aiortc has other states of DTLS"
    assert isinstance(certificate._cert, x509.Certificate), "aiortc has moved RTCCertificate._cert"


def test_one_context_serves_the_process() -> None:
    certificate = Certificate.generateCertificate()
    assert certificate._create_ssl_context([]) is certificate._create_ssl_context([])


# --- a far end of OpenSSL


class FarEnd:
    """OpenSSL with a certificate of its own, joined to a link.

    `lost` says which of the link's datagrams do not come here, `arrive` what becomes of those to the link.
    """

    def __init__(self, context: SSL.Context, der: bytes, *, is_client: bool) -> None:
        self.der = der
        self.is_client = is_client
        self.ssl = SSL.Connection(context)
        if is_client:
            self.ssl.set_connect_state()
        else:
            self.ssl.set_accept_state()
        self.link: DtlsLink
        self.lost: Callable[[bytes], bool] = lambda _: False
        self.arrive: Callable[[bytes], None] = lambda datagram: self.link.receive(datagram)
        self.sent: list[bytes] = []
        self.closed = 0
        self.said_goodbye = False

    def fingerprint(self, name: str = "sha-256") -> tuple[str, str]:
        return name, hashlib.new(name.replace("-", ""), self.der).digest().hex(":").upper()

    def receive(self, datagram: bytes) -> None:
        """Take a datagram of the link and answer."""
        if self.lost(datagram):
            return
        self.ssl.bio_write(datagram)
        self.advance()

    def advance(self) -> None:
        try:
            self.ssl.do_handshake()
            self.ssl.recv(2000)
        except SSL.ZeroReturnError:
            self.said_goodbye = True
        except SSL.Error:
            pass
        self.flush()

    def flush(self) -> None:
        with contextlib.suppress(SSL.WantReadError):
            while True:
                datagram = self.ssl.bio_read(1500)
                self.sent.append(datagram)
                self.arrive(datagram)

    def keys(self) -> SrtpKeys:
        """As this end sees them, with local and remote as the link must see them."""
        name = self.ssl.get_selected_srtp_profile()
        profile = next(p for p in Profile if p.openssl_name == name)
        length = 2 * (profile.key_length + profile.salt_length)
        material = self.ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", length)
        return split_keying_material(profile, material, is_client=not self.is_client)


def make_certificate(key: Key) -> bytes:
    """Self-signed, DER."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "far end")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(77)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


def far_end(
    folder: Path,
    *,
    is_client: bool,
    key: Key | None = None,
    der: bytes | None = None,
    srtp: bytes = BOTH_SRTP,
    without_certificate: bool = False,
) -> FarEnd:
    key = key or ec.generate_private_key(ec.SECP256R1())
    der = der or make_certificate(key)
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
    context.set_cipher_list(b"ALL")
    if srtp:
        context.set_tlsext_use_srtp(srtp)
    if not without_certificate:
        # by files: python-cryptography does not take every certificate that OpenSSL takes
        (folder / "certificate").write_bytes(der)
        (folder / "key").write_bytes(
            key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        )
        context.use_certificate_file(str(folder / "certificate"), crypto.FILETYPE_ASN1)
        context.use_privatekey_file(str(folder / "key"), crypto.FILETYPE_ASN1)
    return FarEnd(context, der, is_client=is_client)


@contextlib.asynccontextmanager
async def linked(
    certificate: Certificate, far: FarEnd, fingerprints: list[tuple[str, str]] | None = None
) -> AsyncIterator[DtlsLink]:
    """A link to `far`; closed afterwards, and then no task of it is left."""

    def on_closed() -> None:
        far.closed += 1

    before = asyncio.all_tasks()
    link = far.link = DtlsLink(
        certificate,
        fingerprints or [far.fingerprint()],
        is_client=not far.is_client,
        send=far.receive,
        on_closed=on_closed,
    )
    try:
        yield link
    finally:
        link.close()
        await eventually("no task is left", lambda: asyncio.all_tasks() <= before, IN_TIME)


async def shake_hands(link: DtlsLink, far: FarEnd) -> SrtpKeys:
    if far.is_client:
        far.advance()
    return await asyncio.wait_for(link.handshake(), IN_TIME)


# --- handshakes


@BOTH_ROLES
@pytest.mark.parametrize("kind", ["ECDSA", "RSA"])
async def test_keys_are_agreed_on(
    certificate: Certificate, tmp_path: Path, we_are_client: bool, kind: str
) -> None:
    key: Key | None = rsa.generate_private_key(65537, 2048) if kind == "RSA" else None
    far = far_end(tmp_path, is_client=not we_are_client, key=key)
    async with linked(certificate, far) as link:
        keys = await shake_hands(link, far)
    assert keys == far.keys()
    assert keys.profile is Profile.AEAD_AES_128_GCM
    assert far.said_goodbye
    assert not far.closed


@BOTH_ROLES
@pytest.mark.parametrize(
    ("srtp", "profile"),
    [
        (b"SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM", Profile.AEAD_AES_128_GCM),
        (b"SRTP_AES128_CM_SHA1_80", Profile.AES128_CM_SHA1_80),
    ],
)
async def test_gcm_is_preferred_and_sha1_is_taken(
    certificate: Certificate, tmp_path: Path, we_are_client: bool, srtp: bytes, profile: Profile
) -> None:
    far = far_end(tmp_path, is_client=not we_are_client, srtp=srtp)
    async with linked(certificate, far) as link:
        keys = await shake_hands(link, far)
    assert keys == far.keys()
    if not (we_are_client and b":" in srtp):  # the server chooses, in its own order
        assert keys.profile is profile


@BOTH_ROLES
@pytest.mark.parametrize("srtp", [b"", b"SRTP_AES128_CM_SHA1_32"])
async def test_without_a_profile_of_ours_there_are_no_keys(
    certificate: Certificate, tmp_path: Path, we_are_client: bool, srtp: bytes
) -> None:
    far = far_end(tmp_path, is_client=not we_are_client, srtp=srtp)
    async with linked(certificate, far) as link:
        with pytest.raises(DtlsError):
            await shake_hands(link, far)


@BOTH_ROLES
async def test_a_certificate_with_a_wrong_version_is_taken_by_its_digest(
    certificate: Certificate, tmp_path: Path, we_are_client: bool
) -> None:
    """As OBS brings it."""
    key = ec.generate_private_key(ec.SECP256R1())
    der = make_certificate(key)
    version = bytes.fromhex("a003020102")
    assert der.count(version) == 1
    der = der.replace(version, bytes.fromhex("a003020103"))
    with pytest.raises(x509.InvalidVersion):
        x509.load_der_x509_certificate(der)
    far = far_end(tmp_path, is_client=not we_are_client, key=key, der=der)
    async with linked(certificate, far) as link:
        assert await shake_hands(link, far) == far.keys()


# --- identity


@BOTH_ROLES
async def test_a_wrong_fingerprint_is_refused(
    certificate: Certificate, tmp_path: Path, we_are_client: bool
) -> None:
    far = far_end(tmp_path, is_client=not we_are_client)
    async with linked(certificate, far, [("sha-256", certificate.fingerprint)]) as link:
        with pytest.raises(DtlsError):
            await shake_hands(link, far)
        assert link._dtls.keys is None


@pytest.mark.parametrize("name", ["sha-256", "sha-384", "sha-512"])
async def test_each_hash_is_known(certificate: Certificate, tmp_path: Path, name: str) -> None:
    far = far_end(tmp_path, is_client=True)
    async with linked(certificate, far, [far.fingerprint(name)]) as link:
        await shake_hands(link, far)


async def test_of_several_fingerprints_one_must_match(certificate: Certificate, tmp_path: Path) -> None:
    far = far_end(tmp_path, is_client=True)
    async with linked(certificate, far, [("sha-256", "00"), far.fingerprint("sha-384")]) as link:
        await shake_hands(link, far)


async def test_a_digest_counts_for_its_own_hash_only(certificate: Certificate, tmp_path: Path) -> None:
    far = far_end(tmp_path, is_client=True)
    async with linked(certificate, far, [("sha-384", far.fingerprint("sha-256")[1])]) as link:
        with pytest.raises(DtlsError):
            await shake_hands(link, far)


async def test_a_client_without_a_certificate_is_refused(certificate: Certificate, tmp_path: Path) -> None:
    far = far_end(tmp_path, is_client=True, without_certificate=True)
    empty = hashlib.sha256(b"").digest().hex(":").upper()
    async with linked(certificate, far, [("sha-256", empty)]) as link:
        with pytest.raises(DtlsError):
            await shake_hands(link, far)


# --- a bad network


@BOTH_ROLES
async def test_a_lost_flight_is_sent_again(
    certificate: Certificate, tmp_path: Path, we_are_client: bool
) -> None:
    far = far_end(tmp_path, is_client=not we_are_client)
    seen: list[bytes] = []

    def first_is_lost(datagram: bytes) -> bool:
        seen.append(datagram)
        return len(seen) == 1

    far.lost = first_is_lost
    async with linked(certificate, far) as link:
        assert await shake_hands(link, far) == far.keys()


def records(datagram: bytes) -> list[bytes]:
    """The DTLS records of a datagram (RFC 6347 4.1)."""
    found = []
    while datagram:
        end = 13 + int.from_bytes(datagram[11:13])
        found.append(datagram[:end])
        datagram = datagram[end:]
    return found


@BOTH_ROLES
async def test_fragments_and_doubles_and_garbage_in_between_are_harmless(
    certificate: Certificate, tmp_path: Path, we_are_client: bool
) -> None:
    far = far_end(tmp_path, is_client=not we_are_client)
    far.ssl.set_ciphertext_mtu(256)
    noises = (b"\x16", b"\x16\xfe\xfd", b"\x17\xfe\xfd" + bytes(300), b"\x3f" * 40, b"\x14" * 13)

    def arrive(datagram: bytes) -> None:
        for number, record in enumerate(records(datagram)):
            far.link.receive(noises[number % len(noises)])
            far.link.receive(record)
            if number % 2:
                far.link.receive(record)

    far.arrive = arrive
    async with linked(certificate, far) as link:
        assert await shake_hands(link, far) == far.keys()
    assert max(len(records(flight)) for flight in far.sent) >= 5


@BOTH_ROLES
async def test_whatever_a_peer_sends_the_handshake_ends_in_keys_or_in_its_one_error(
    certificate: Certificate, tmp_path: Path, we_are_client: bool, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes = set()
    for seed in range(30):
        chance = random.Random(seed)

        far = far_end(tmp_path, is_client=not we_are_client)

        def arrive(datagram: bytes, chance: random.Random = chance, far: FarEnd = far) -> None:
            data = bytearray(datagram)
            for _ in range(chance.choice((0, 0, 1, 3))):
                data[chance.randrange(1, len(data))] = chance.randrange(256)
            far.link.receive(bytes(data[: chance.choice((len(data), len(data), len(data) - 1, 30))]))

        far.arrive = arrive
        async with linked(certificate, far) as link:
            if far.is_client:
                far.advance()
            try:
                outcomes.add(type(await asyncio.wait_for(link.handshake(), 0.05)))
            except (DtlsError, TimeoutError) as error:
                outcomes.add(type(error))
    assert DtlsError in outcomes
    assert not caplog.records


async def test_a_flood_is_dropped(certificate: Certificate, tmp_path: Path) -> None:
    far = far_end(tmp_path, is_client=True)
    async with linked(certificate, far) as link:
        for _ in range(10_000):
            link.receive(b"\x16" * 1000)
        assert link._transport.received.qsize() == QUEUE_LIMIT


# --- after the handshake


@BOTH_ROLES
async def test_the_peers_close_is_told_once(
    certificate: Certificate, tmp_path: Path, we_are_client: bool
) -> None:
    far = far_end(tmp_path, is_client=not we_are_client)
    async with linked(certificate, far) as link:
        await shake_hands(link, far)
        with contextlib.suppress(SSL.Error):
            far.ssl.shutdown()
        far.flush()
        await eventually("closed", lambda: far.closed, IN_TIME)
        link.receive(far.sent[-1])
    assert far.closed == 1


@BOTH_ROLES
async def test_garbage_after_the_handshake_changes_nothing(
    certificate: Certificate, tmp_path: Path, we_are_client: bool, caplog: pytest.LogCaptureFixture
) -> None:
    far = far_end(tmp_path, is_client=not we_are_client)
    chance = random.Random(5)
    async with linked(certificate, far) as link:
        await shake_hands(link, far)
        for _ in range(1000):
            data = bytearray(chance.choice(far.sent))
            data[chance.randrange(len(data))] = chance.randrange(256)
            link.receive(bytes((chance.randrange(20, 64),)) + data[1:])
            link.receive(bytes((chance.randrange(20, 64),)) + chance.randbytes(chance.randrange(100)))
            await asyncio.sleep(0)
        far.ssl.send(b"nobody asked for data")
        far.flush()
        await eventually("all was read", link._transport.received.empty, IN_TIME)
        assert link._dtls.state == "connected"
    assert not far.closed
    assert not caplog.records


async def test_a_peer_that_renegotiates_is_closed(certificate: Certificate, tmp_path: Path) -> None:
    """OpenSSL refuses, and from then on would keep all that comes without reading it."""
    far = far_end(tmp_path, is_client=True)
    async with linked(certificate, far) as link:
        await shake_hands(link, far)
        far.ssl.renegotiate()
        far.advance()
        await eventually("closed", lambda: far.closed, IN_TIME)
    assert far.closed == 1


@BOTH_ROLES
async def test_a_link_may_be_closed_at_any_time(
    certificate: Certificate, tmp_path: Path, we_are_client: bool
) -> None:
    far = far_end(tmp_path, is_client=not we_are_client)
    async with linked(certificate, far) as link:  # before the handshake
        link.close()
    far = far_end(tmp_path, is_client=not we_are_client)
    far.lost = lambda _: True
    async with linked(certificate, far) as link:  # amid it
        shaking = asyncio.create_task(link.handshake())
        await asyncio.sleep(0)
        shaking.cancel()
        link.close()
        with pytest.raises(asyncio.CancelledError):
            await shaking
    far = far_end(tmp_path, is_client=not we_are_client)
    async with linked(certificate, far) as link:  # and twice
        await shake_hands(link, far)
        link.close()
    assert not far.closed
