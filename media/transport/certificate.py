"""The certificate of a process, and the OpenSSL context that serves all of its sessions."""

import datetime
import hashlib
import secrets
from functools import cached_property
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

from media.rtp.srtp import Profile
from media.transport.handshake_queue import HandshakeQueue

# ECDHE-ECDSA, as in browsers; also ECDHE-RSA, for peers with RSA certificates that are the DTLS server.
CIPHERS = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
    b"ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:"
    b"ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA"
)
# Nobody looks at these: a client takes the certificate for its digest.
_BEFORE, _LIFE = datetime.timedelta(days=1), datetime.timedelta(days=30)


class Certificate:
    """Self-signed, on P-256 (RFC 8827 6.5)."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self._certificate = certificate

    @classmethod
    def generate(cls) -> Self:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, secrets.token_hex(16))])
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - _BEFORE).not_valid_after(now + _LIFE)
        return cls(key, builder.sign(key, hashes.SHA256()))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as SDP writes it (RFC 8122 5)."""
        return colons(hashlib.sha256(self._certificate.public_bytes(Encoding.DER)).digest())

    @cached_property
    def turns(self) -> HandshakeQueue:
        """Shared by the handshakes of all sessions."""
        return HandshakeQueue()

    @cached_property
    def context(self) -> SSL.Context:
        """For DTLS 1.2 with a peer that has a certificate, whichever: its digest is what counts."""
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_options(SSL.OP_NO_TICKET)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        context.use_certificate(self._certificate)
        context.use_privatekey(self._key)
        context.set_cipher_list(CIPHERS)
        context.set_tlsext_use_srtp(b":".join(profile.openssl_name for profile in Profile))
        return context


def colons(digest: bytes) -> str:
    """As SDP writes a digest."""
    return digest.hex(":").upper()
