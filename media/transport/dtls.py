"""DTLS-SRTP (RFC 5764) with OpenSSL: from a peer's datagrams to the SRTP keys, and to its close.

Media packets never pass through here. Each datagram is a step that computes; there is no task for it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from OpenSSL import SSL

from media.rtp.srtp import Profile, SrtpKeys, split_keying_material
from media.transport.certificate import Certificate
from media.transport.fingerprint import is_of_offer
from media.transport.flight import Flight, datagrams_of
from media.transport.handshake_failure import HandshakeFailure, failure_of
from shared.telemetry.logging import get_logger

# Handshake datagrams that may wait for one session: a peer that floods us loses its own packets.
QUEUE_LIMIT = 32
# What OpenSSL writes at once, in octets: a flight with our certificate has 800.
MOST_WRITTEN = 16 * 1024
MOST_DATA = 1500  # of a record of data, which nobody needs

log = get_logger()


class DtlsError(Exception):
    """The handshake failed. `words` are OpenSSL's own for the reason, if it has any."""

    def __init__(self, failure: HandshakeFailure, words: str = "") -> None:
        super().__init__(f"{failure} ({words})" if words else str(failure))
        self.failure = failure
        self.words = words


class DtlsLink:
    """One DTLS association.

    `fingerprints` are the offer's `(hash, "AB:CD:…")` pairs; one with a supported hash must match the peer's
    certificate. `send` sends a datagram; `on_closed` is called once when the peer closes. `session` is
    for the log.
    """

    def __init__(
        self,
        certificate: Certificate,
        fingerprints: Sequence[tuple[str, str]],
        *,
        is_client: bool,
        says_goodbye: bool = True,
        send: Callable[[bytes], None],
        on_closed: Callable[[], None],
        session: str = "",
    ) -> None:
        self._certificate = certificate
        self._fingerprints = fingerprints
        self._is_client = is_client
        self._says_goodbye = says_goodbye
        self._send = send
        self._on_closed = on_closed
        self._session = session
        self._received: deque[bytes] = deque()
        self._heard = False  # anything of the peer
        self._is_asking = False  # for a turn to compute
        self._ssl: SSL.Connection | None = None  # from `handshake` until it fails, or either end closes
        self._keys: asyncio.Future[SrtpKeys] | None = None
        self._is_agreed = False  # on keys
        self._flight = Flight()
        self._timer: asyncio.TimerHandle | None = None

    # --- from and to the session

    def receive(self, datagram: bytes) -> None:
        """Take a DTLS datagram of the peer. If too many wait, drop it, as the network might."""
        if len(self._received) < QUEUE_LIMIT:
            self._received.append(datagram)
            self._ask()

    async def handshake(self) -> SrtpKeys:
        """Do the handshake and return the SRTP keys; raises `DtlsError`. The caller limits its time."""
        self._keys = asyncio.get_running_loop().create_future()
        self._ssl = ssl = SSL.Connection(self._certificate.context)
        if self._is_client:
            ssl.set_connect_state()
            self._run(self._proceed, ssl)
        else:
            ssl.set_accept_state()
        self._ask()
        try:
            return await self._keys
        finally:
            self._keys = None  # an error in it holds this frame, and that this link

    @property
    def stopped_at(self) -> DtlsError:
        """What an unfinished handshake waits for."""
        return DtlsError(HandshakeFailure.STALLED if self._heard else HandshakeFailure.SILENT)

    @property
    def is_connected(self) -> bool:
        """Whether there are keys, and neither end has closed."""
        return self._ssl is not None and self._is_agreed

    def close(self) -> None:
        """Send close_notify, if the peer is to get one, and drop all references.

        This includes the callbacks into the owner of this link: a reference cycle would wait for the garbage
        collector.
        """
        try:
            if self._ssl is not None:
                self._leave(self._ssl)
        finally:  # also if the goodbye cannot be sent
            self._received = deque(maxlen=0)  # what still comes is not kept
            self._send = _say_nothing
            self._on_closed = _tell_nobody

    # --- steps, each in its turn

    def _ask(self) -> None:
        """Ask for a turn, if there is anything to do in it."""
        if self._ssl is not None and self._received and not self._is_asking:
            self._is_asking = True
            self._certificate.turns.ask(self._step)

    def _step(self) -> None:
        self._is_asking = False
        ssl = self._ssl
        if ssl is None:  # it has ended meanwhile
            return
        self._heard = True
        self._run(self._take, ssl)
        self._ask()

    def _run(self, part: Callable[[SSL.Connection], None], ssl: SSL.Connection) -> None:
        """Nothing that a part raises reaches the event loop."""
        try:
            part(ssl)
        except Exception as fault:
            self._break(fault)

    def _take(self, ssl: SSL.Connection) -> None:
        ssl.bio_write(self._received.popleft())
        if self._is_agreed:
            self._read(ssl)
        else:
            self._proceed(ssl)

    def _proceed(self, ssl: SSL.Connection) -> None:
        """Go on with the handshake as far as it goes."""
        try:
            ssl.do_handshake()
        except SSL.WantReadError:
            self._send_flight(ssl)
            return
        except SSL.Error as error:
            self._send_flight(ssl)  # the alert: so the peer fails at once, too
            self._fail(*failure_of(error))
            return
        self._send_flight(ssl)
        self._flight.arrived()  # if a server's last flight is lost, its client asks for it
        self._plan(ssl)
        self._agree(ssl)

    def _read(self, ssl: SSL.Connection) -> None:
        """After the handshake only the peer's close matters.

        It may stand behind dozens of records in one datagram, and what is not read stays in memory.
        """
        is_closed = False
        try:
            while True:
                ssl.recv(MOST_DATA)
        except SSL.ZeroReturnError:
            is_closed = True
        except SSL.Error:  # nothing, or nonsense
            # After a peer asked to renegotiate OpenSSL stops reading, but buffers all that arrives.
            is_closed = ssl.get_state_string() == b"error"
        if records := _written(ssl):
            self._send(records)
        if is_closed:
            self._drop()
            self._tell_closed()

    # --- the handshake

    def _send_flight(self, ssl: SSL.Connection) -> None:
        """Send what OpenSSL has written."""
        if records := _written(ssl):
            datagrams = datagrams_of(records)
            for datagram in datagrams:
                self._send(datagram)
            self._flight.sent(datagrams, asyncio.get_running_loop().time())
            self._plan(ssl)

    def _plan(self, ssl: SSL.Connection) -> None:
        """Repeat the flight in time, and later let OpenSSL do so by its own timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop, at = asyncio.get_running_loop(), self._flight.next_at
        if at is None and (left := ssl.DTLSv1_get_timeout()) is not None:
            at = loop.time() + left
        if at is not None:
            self._timer = loop.call_at(at, self._repeat)

    def _repeat(self) -> None:
        """The time has come that was planned."""
        ssl, self._timer = self._ssl, None
        if ssl is not None:
            self._run(self._send_again, ssl)

    def _send_again(self, ssl: SSL.Connection) -> None:
        for datagram in self._flight.due(asyncio.get_running_loop().time()):
            self._send(datagram)
        if ssl.DTLSv1_get_timeout() == 0.0:
            ssl.DTLSv1_handle_timeout()
            self._send_flight(ssl)
        self._plan(ssl)

    def _agree(self, ssl: SSL.Connection) -> None:
        """The handshake is done: with whom, and with which keys?"""
        if not is_of_offer(ssl, self._fingerprints):
            self._leave(ssl)
            self._fail(HandshakeFailure.WRONG_FINGERPRINT)
            return
        name = ssl.get_selected_srtp_profile()
        profile = next((profile for profile in Profile if profile.openssl_name == name), None)
        if profile is None:
            self._leave(ssl)
            self._fail(HandshakeFailure.NO_SRTP_PROFILE)
            return
        length = 2 * (profile.key_length + profile.salt_length)
        material = ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", length)
        keys = split_keying_material(profile, material, is_client=self._is_client)
        self._is_agreed = True
        if self._keys is not None and not self._keys.done():  # otherwise nobody waits any more
            self._keys.set_result(keys)
        self._read(ssl)  # what came in one datagram with the end of the handshake

    # --- its end

    def _fail(self, failure: HandshakeFailure, words: str = "") -> None:
        self._drop()
        if self._keys is not None and not self._keys.done():
            self._keys.set_exception(DtlsError(failure, words))

    def _break(self, fault: Exception) -> None:
        """A bug of ours: whoever waits for the keys gets it.

        Afterwards, when nobody waits any more, it is as if the peer had closed.
        """
        self._drop()
        if self._keys is not None and not self._keys.done():
            self._keys.set_exception(fault)
        else:
            log.error("unexpected error in a DTLS association", session=self._session, exc_info=fault)
            self._tell_closed()

    def _tell_closed(self) -> None:
        """Once, also if that fails."""
        on_closed, self._on_closed = self._on_closed, _tell_nobody
        on_closed()

    def _leave(self, ssl: SSL.Connection) -> None:
        """Send close_notify, if the handshake has come so far."""
        self._drop()
        if not self._says_goodbye:
            return
        try:
            ssl.shutdown()
        except SSL.Error:  # nothing to send
            return
        if records := _written(ssl):
            self._send(records)

    def _drop(self) -> None:
        self._ssl = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _written(ssl: SSL.Connection) -> bytes:
    """What OpenSSL has to send."""
    try:
        return ssl.bio_read(MOST_WRITTEN)
    except SSL.Error:  # nothing
        return b""


def _say_nothing(_datagram: bytes) -> None: ...


def _tell_nobody() -> None: ...
