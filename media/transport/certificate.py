"""The certificate of a process, made by aiortc, and the OpenSSL context that serves all of its sessions.

Of what a server runs, the only module that imports aiortc.
"""

from functools import cached_property
from typing import Self

from aiortc import RTCCertificate
from aiortc.rtcdtlstransport import generate_certificate
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from media.rtp.srtp import Profile
from media.transport.handshake_queue import HandshakeQueue

# ECDHE-ECDSA, as in browsers; also ECDHE-RSA, for peers with RSA certificates that are the DTLS server.
CIPHERS = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
    b"ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:"
    b"ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA"
)
DTLS_1_2 = 0xFEFD  # as its records say it (RFC 6347 4.1)


class Certificate:
    """Self-signed, on P-256 (RFC 8827 6.5)."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self._certificate = certificate
        # now, since OpenSSL's bindings import what they need at the first use, from the disk
        self.context = self._new_context()

    @classmethod
    def generate(cls) -> Self:
        key = ec.generate_private_key(ec.SECP256R1())
        return cls(key, generate_certificate(key))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as SDP writes it (RFC 8122 5)."""
        fingerprints = RTCCertificate(self._key, self._certificate).getFingerprints()
        return next(each.value for each in fingerprints if each.algorithm == "sha-256")

    @cached_property
    def turns(self) -> HandshakeQueue:
        """Shared by the handshakes of all sessions."""
        return HandshakeQueue()

    def _new_context(self) -> SSL.Context:
        """For DTLS 1.2 with a peer that has a certificate, whichever: its digest is what counts."""
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_options(SSL.OP_NO_TICKET)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        context.use_certificate(self._certificate)
        context.use_privatekey(self._key)
        context.set_cipher_list(CIPHERS)
        context.set_tlsext_use_srtp(b":".join(profile.openssl_name for profile in Profile))
        # A later OpenSSL may speak DTLS 1.3, whose records and flights `flight.py` does not know.
        context.set_max_proto_version(DTLS_1_2)
        return context
