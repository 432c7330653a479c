"""DTLS with aiortc's `RTCDtlsTransport` on our own transport. The only module that imports aiortc.

Of aiortc it imports that class, and not what stands around it: codecs, FFmpeg, ICE, SCTP, of which a worker
uses nothing. They would take a quarter of its memory.

aiortc uses only `role`, `_recv` and `_send` of an ICE transport. We provide those and take the SRTP keys
when the handshake is done; media packets never pass through aiortc. No other module uses its underscore
names; `tests/unit/media/transport/test_aiortc_surface.py` fails if they change.
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL, crypto

from media.rtp.srtp import Profile, SrtpKeys, split_keying_material
from media.transport.flight import Flight, datagrams_of
from media.transport.handshake_failure import HandshakeFailure, failure_of
from media.transport.handshake_queue import HandshakeQueue
from media.transport.lone_module import lone_module

if TYPE_CHECKING:
    from aiortc import rtcdtlstransport as aiortc
else:
    aiortc = lone_module("aiortc", "rtcdtlstransport", left_out=("rtcicetransport", "rtp"))

# Handshake datagrams that may wait for one session: a peer that floods us loses its own packets.
QUEUE_LIMIT = 32
# What OpenSSL writes at once, in octets: a flight with our certificate has 800.
MOST_WRITTEN = 16 * 1024

# ECDHE-ECDSA, as in browsers; also ECDHE-RSA, for peers with RSA certificates that are the DTLS server.
CIPHERS = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
    b"ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:"
    b"ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA"
)


class DtlsError(Exception):
    """The handshake failed. `words` are OpenSSL's own for the reason, if it has any."""

    def __init__(self, failure: HandshakeFailure, words: str = "") -> None:
        super().__init__(f"{failure} ({words})" if words else str(failure))
        self.failure = failure
        self.words = words


class Certificate(aiortc.RTCCertificate):
    """The certificate of this process, with one OpenSSL context for all sessions."""

    _context: SSL.Context | None = None

    @cached_property
    def turns(self) -> HandshakeQueue:
        """Shared by the handshakes of all sessions."""
        return HandshakeQueue()

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as SDP writes it (RFC 8122 5)."""
        return _colons(hashlib.sha256(self._cert.public_bytes(Encoding.DER)).digest())

    def _create_ssl_context(self, srtp_profiles: list[aiortc.SRTPProtectionProfile]) -> SSL.Context:
        if self._context is None:
            self._context = super()._create_ssl_context(
                [aiortc.SRTP_AEAD_AES_128_GCM, aiortc.SRTP_AES128_CM_SHA1_80]
            )
            self._context.set_cipher_list(CIPHERS)
        return self._context


class _Transport:
    """Looks like an ICE transport to aiortc."""

    role = "controlled"  # an ICE-lite agent always is (RFC 8445 6.1.1)

    def __init__(self, send: Callable[[bytes], None], turns: HandshakeQueue) -> None:
        self.send = send
        self.received: asyncio.Queue[bytes] = asyncio.Queue(QUEUE_LIMIT)
        self._turns = turns

    async def receive(self, timeout: float | None) -> bytes:
        """The next datagram, when it is our turn to compute; raises `TimeoutError` if none comes in time."""
        datagram = await asyncio.wait_for(self.received.get(), timeout)
        await self._turns.take()  # whoever gets it computes until its next await
        return datagram

    async def _recv(self) -> bytes:
        return await self.receive(None)

    async def _send(self, data: bytes) -> None:
        self.send(data)


class _Dtls(aiortc.RTCDtlsTransport):
    """Repeats lost flights early, checks the digest of the peer's certificate, and keeps the SRTP keys."""

    keys: SrtpKeys | None = None
    error: DtlsError | None = None
    heard = False  # anything of the peer

    def __init__(self, transport: "_Transport", certificate: Certificate) -> None:
        super().__init__(cast(Any, transport), [certificate])
        self._own = transport
        self._flight = Flight()
        self._repeats: asyncio.TimerHandle | None = None

    async def _do_handshake(self) -> None:
        """As aiortc's, but OpenSSL's reason for a failure is kept, and a lost flight is repeated early."""
        assert self._ssl is not None
        try:
            while not self._agreed(self._ssl):
                self._send_flight()
                await self._proceed(self._ssl)
        except SSL.Error as error:
            self._send_flight()  # the alert: so the peer fails at once, too
            self._flight.arrived()
            self._fail(*failure_of(error))
            return
        self.encrypted = True
        self._send_flight()
        self._flight.arrived()  # if a server's last flight is lost, its client asks for it

    def _agreed(self, ssl: SSL.Connection) -> bool:
        try:
            ssl.do_handshake()
        except SSL.WantReadError:
            return False
        return True

    async def _proceed(self, ssl: SSL.Connection) -> None:
        """Give OpenSSL the next datagram of the peer, or let it act when its own timer is due."""
        try:
            datagram = await self._own.receive(ssl.DTLSv1_get_timeout())
        except TimeoutError:
            ssl.DTLSv1_handle_timeout()
        else:
            self.heard = True
            ssl.bio_write(datagram)

    def _send_flight(self) -> None:
        """Send what OpenSSL has written."""
        if records := self._written():
            datagrams = datagrams_of(records)
            for datagram in datagrams:
                self._own.send(datagram)
            self._flight.sent(datagrams, asyncio.get_running_loop().time())
            self._plan_repeats()

    def _written(self) -> bytes:
        assert self._ssl is not None
        try:
            return self._ssl.bio_read(MOST_WRITTEN)
        except SSL.Error:  # nothing
            return b""

    def _plan_repeats(self) -> None:
        if self._repeats is not None:
            self._repeats.cancel()
            self._repeats = None
        if (next_at := self._flight.next_at) is not None:
            self._repeats = asyncio.get_running_loop().call_at(next_at, self._repeat)

    def _repeat(self) -> None:
        for datagram in self._flight.due(asyncio.get_running_loop().time()):
            self._own.send(datagram)
        self._plan_repeats()

    def _fail(self, failure: HandshakeFailure, words: str = "") -> None:
        self.error = DtlsError(failure, words)
        self._set_state(aiortc.State.FAILED)

    async def _recv_next(self) -> None:
        await super()._recv_next()
        # OpenSSL is here after a peer asked to renegotiate: it stops reading, but buffers all that arrives.
        if self._ssl is not None and self._ssl.get_state_string() == b"error":
            raise ConnectionError

    def _validate_peer_identity(self, remoteParameters: aiortc.RTCDtlsParameters) -> None:  # noqa: N803
        # Do not parse: python-cryptography refuses the version field of OBS's certificate.
        assert self._ssl is not None
        certificate = self._ssl.get_peer_certificate()
        der = crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate) if certificate else b""
        # RFC 8122 5: with several digests of one hash function, any may match.
        if not any(
            f.value.upper() == _colons(hashlib.new(f.algorithm.replace("-", ""), der).digest())
            for f in remoteParameters.fingerprints
        ):
            self._say_goodbye()
            self._fail(HandshakeFailure.WRONG_FINGERPRINT)

    def _setup_srtp(self) -> None:
        assert self._ssl is not None
        name = self._ssl.get_selected_srtp_profile()
        profile = next((p for p in Profile if p.openssl_name == name), None)
        if profile is None:
            self._say_goodbye()
            self._fail(HandshakeFailure.NO_SRTP_PROFILE)
            return
        material = self._ssl.export_keying_material(
            b"EXTRACTOR-dtls_srtp", 2 * (profile.key_length + profile.salt_length)
        )
        self.keys = split_keying_material(profile, material, is_client=self._role == "client")

    def close(self) -> None:
        """`stop` without its await: our transport sends at once."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self._repeats is not None:
            self._repeats.cancel()
            self._repeats = None
        if self._state in (aiortc.State.CONNECTING, aiortc.State.CONNECTED):
            self._say_goodbye()

    def _say_goodbye(self) -> None:
        """Send close_notify, if the handshake has come so far."""
        if self._ssl is None:
            return
        try:
            self._ssl.shutdown()
        except SSL.Error:  # nothing to send
            return
        if records := self._written():
            self._own.send(records)


class DtlsLink:
    """One DTLS association.

    `fingerprints` are the offer's `(hash, "AB:CD:…")` pairs; one with a supported hash must match the peer's
    certificate. `send` sends a datagram; `on_closed` is called once when the peer closes.
    """

    def __init__(
        self,
        certificate: Certificate,
        fingerprints: Sequence[tuple[str, str]],
        *,
        is_client: bool,
        send: Callable[[bytes], None],
        on_closed: Callable[[], None],
    ) -> None:
        self._transport = _Transport(send, certificate.turns)
        self._dtls = _Dtls(self._transport, certificate)
        self._dtls._set_role("client" if is_client else "server")
        self._parameters = aiortc.RTCDtlsParameters(
            [aiortc.RTCDtlsFingerprint(algorithm=name, value=value) for name, value in fingerprints]
        )
        self._on_closed = on_closed
        self._dtls.on("statechange", self._state_changed)

    def receive(self, datagram: bytes) -> None:
        """Take a DTLS datagram of the peer. If the queue is full, drop it, as the network might."""
        if not self._transport.received.full():
            self._transport.received.put_nowait(datagram)

    async def handshake(self) -> SrtpKeys:
        """Do the handshake and return the SRTP keys; raises `DtlsError`. The caller limits its time."""
        await self._dtls.start(self._parameters)
        if self._dtls.keys is None:
            raise self._dtls.error or DtlsError(HandshakeFailure.FAULT)
        return self._dtls.keys

    @property
    def stopped_at(self) -> DtlsError:
        """What an unfinished handshake waits for."""
        return DtlsError(HandshakeFailure.STALLED if self._dtls.heard else HandshakeFailure.SILENT)

    def close(self) -> None:
        """Send close_notify and drop all references.

        This includes the callbacks into the owner of this link: a reference cycle would wait for the garbage
        collector.
        """
        self._dtls.remove_all_listeners()
        self._dtls.close()
        self._transport.send = _say_nothing
        self._on_closed = _tell_nobody

    def _state_changed(self) -> None:
        if self._dtls.state == "closed":
            self._on_closed()


def _say_nothing(_datagram: bytes) -> None: ...


def _tell_nobody() -> None: ...


def _colons(digest: bytes) -> str:
    return digest.hex(":").upper()
