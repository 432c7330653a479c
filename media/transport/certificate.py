"""The certificate of a process, and the OpenSSL context that serves all of its sessions: both are aiortc's.

The only module that imports aiortc, and of that only the module with the certificate: not what stands around
it, codecs, FFmpeg, ICE, SCTP, of which a worker uses nothing.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Self

from OpenSSL import SSL

from media.transport.handshake_queue import HandshakeQueue
from media.transport.lone_module import lone_module

if TYPE_CHECKING:
    from aiortc import rtcdtlstransport as aiortc
else:
    aiortc = lone_module("aiortc", "rtcdtlstransport", left_out=("rtcicetransport", "rtp"))

# ECDHE-ECDSA, as in browsers; also ECDHE-RSA, for peers with RSA certificates that are the DTLS server.
CIPHERS = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
    b"ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:"
    b"ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA"
)
DTLS_1_2 = 0xFEFD  # as its records say it (RFC 6347 4.1)


class Certificate:
    """Self-signed, on P-256 (RFC 8827 6.5)."""

    def __init__(self, made: aiortc.RTCCertificate) -> None:
        self._made = made

    @classmethod
    def generate(cls) -> Self:
        return cls(aiortc.RTCCertificate.generateCertificate())

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as SDP writes it (RFC 8122 5)."""
        return next(each.value for each in self._made.getFingerprints() if each.algorithm == "sha-256")

    @cached_property
    def turns(self) -> HandshakeQueue:
        """Shared by the handshakes of all sessions."""
        return HandshakeQueue()

    @cached_property
    def context(self) -> SSL.Context:
        """For DTLS 1.2 with a peer that has a certificate, whichever: its digest is what counts."""
        profiles = [aiortc.SRTP_AEAD_AES_128_GCM, aiortc.SRTP_AES128_CM_SHA1_80]
        context = self._made._create_ssl_context(profiles)
        context.set_cipher_list(CIPHERS)
        # A later OpenSSL may speak DTLS 1.3, whose records and flights `flight.py` does not know.
        context.set_max_proto_version(DTLS_1_2)
        return context
