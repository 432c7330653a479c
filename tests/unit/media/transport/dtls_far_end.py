"""A far end of DTLS on plain OpenSSL, joined to a link of ours."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from OpenSSL import SSL, crypto

from media.rtp.srtp import Profile, SrtpKeys, split_keying_material
from media.transport.certificate import Certificate
from media.transport.dtls import DtlsLink
from tests.support.certificate import Key, self_signed
from tests.support.waiting import eventually

IN_TIME = 10.0
BOTH_SRTP = b"SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80"


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
        self.heard: list[bytes] = []  # what the link sent, also what was lost
        self.sent: list[bytes] = []
        self.closed = 0
        self.said_goodbye = False  # the link
        self.refused = ""  # OpenSSL's words for an alert of the link
        self.done = asyncio.Event()  # the handshake

    def fingerprint(self, name: str = "sha-256") -> tuple[str, str]:
        return name, hashlib.new(name.replace("-", ""), self.der).digest().hex(":").upper()

    def receive(self, datagram: bytes) -> None:
        """Take a datagram of the link and answer."""
        self.heard.append(datagram)
        if self.lost(datagram):
            return
        self.ssl.bio_write(datagram)
        self.advance()

    def advance(self) -> None:
        try:
            self.ssl.do_handshake()
            self.done.set()
            self.ssl.recv(2000)
        except SSL.ZeroReturnError:
            self.said_goodbye = True
        except SSL.WantReadError:
            pass
        except SSL.Error as error:
            self.refused = self.refused or str(error)
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


def records(datagram: bytes) -> list[bytes]:
    """The DTLS records of a datagram (RFC 6347 4.1)."""
    found = []
    while datagram:
        end = 13 + int.from_bytes(datagram[11:13])
        found.append(datagram[:end])
        datagram = datagram[end:]
    return found


def far_end(
    folder: Path,
    *,
    is_client: bool,
    key: Key | None = None,
    der: bytes | None = None,
    srtp: bytes = BOTH_SRTP,
    ciphers: bytes = b"ALL",
    without_certificate: bool = False,
) -> FarEnd:
    key = key or ec.generate_private_key(ec.SECP256R1())
    der = der or self_signed(key).public_bytes(Encoding.DER)
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
    context.set_cipher_list(ciphers)
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


class Ends(NamedTuple):
    """Makes far ends, and links of ours to them."""

    certificate: Certificate
    folder: Path
    we_are_client: bool

    def far(self, **how: Any) -> FarEnd:
        """`how` is for `far_end`."""
        return far_end(self.folder, is_client=not self.we_are_client, **how)

    def linked(
        self, far: FarEnd, fingerprints: list[tuple[str, str]] | None = None
    ) -> contextlib.AbstractAsyncContextManager[DtlsLink]:
        return linked(self.certificate, far, fingerprints)


async def shake_hands(link: DtlsLink, far: FarEnd) -> SrtpKeys:
    if far.is_client:
        far.advance()
    async with asyncio.timeout(IN_TIME):  # `wait_for` of Python 3.11 leaves a cycle behind what it raises
        return await link.handshake()
