"""One client's session: ICE, DTLS and SRTP of a publisher or a viewer, from its answer to its end.

State changes are plain calls; the only task is the DTLS handshake, which the session owns. Every way to end a
session goes through `end`, which frees all it held.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from media.line import line_log
from media.rtp.srtp import SrtpKeys
from media.rtp.srtp_sender import SrtpSender
from media.sessions.end_reason import EndReason
from media.sessions.traffic import Traffic
from media.switch.feed import Feed
from media.transport.address import Address
from media.transport.certificate import Certificate
from media.transport.dtls import DtlsError, DtlsLink
from media.transport.handshake_failure import HandshakeFailure
from media.transport.ice import CheckResult, Credentials, IceLite
from media.transport.round_trips import Answer
from media.transport.stun import BindingRequest
from shared.messages.rulings import TokenMark
from shared.messages.signalling import Role
from shared.names import SessionId
from shared.sdp.offer import Offer
from shared.telemetry.logging import get_logger

# From the answer to the end of the DTLS handshake, at most: a publisher reserves its room meanwhile.
SETUP_SECONDS = 15.0
# A connected client that nobody hears for so long has an interruption: it reports, or checks its line, each
# 6 s at least.
INTERRUPTION_SECONDS = 8.0
# What a session sends before any address is proven, at most. A handshake takes 900 if no flight is lost, and
# 6,300 if all are: what nobody answers is sent eight times. A viewer's train takes 600.
UNPROVEN_BYTES = 8 * 1024

log = get_logger()


class SessionState(StrEnum):
    NEW = "new"  # answered; no valid ICE check yet
    CONNECTING = "connecting"
    CONNECTED = "connected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a session is made of: the client's offer, our side of it, and the callbacks.

    `now` and `expires_at` are in seconds of a steady clock. `checked` is called when the first valid check
    comes; `connected` with the seconds since the answer, and those since that check; `interrupted` when a
    client is heard again, with the seconds for which it was not; `sends_as` with each SSRC under which a
    publisher sends media, or a viewer RTCP, and maybe again; `ended` once, when the session has freed all it
    held. `client`: an IPv4 address or an IPv6 /64; "": unknown.
    """

    id: SessionId
    offer: Offer
    local: Credentials
    certificate: Certificate
    send: Callable[[bytes, Address], None]
    now: float
    expires_at: float | None
    connected: Callable[["Session", float, float], None]
    ended: Callable[["Session", EndReason], None]
    checked: Callable[["Session"], None] = lambda _: None
    interrupted: Callable[["Session", float], None] = lambda _session, _seconds: None
    sends_as: Callable[["Session", bytes], None] = lambda _session, _ssrc: None
    token: TokenMark | None = None
    client: str = ""


class Session(ABC):
    """What publishers and viewers have in common. `now` is in seconds of a steady clock."""

    role: Role

    def __init__(self, setup: Setup) -> None:
        offer = setup.offer
        self.id = setup.id
        self.began_at = setup.now
        remote = Credentials(offer.ice_ufrag, offer.ice_pwd)
        self.ice = IceLite(setup.local, remote, setup.now, sends_media=self.role is Role.PLAY)
        self.first_section = (offer.live[0].kind, offer.live[0].mid)  # carries the bundle's ICE parameters
        self.checked_at: float | None = None  # when the first valid check came
        self.connected_at: float | None = None
        self.connected = False
        self.ended = False
        self.handshake_error: DtlsError | None = None  # why it never connected, if that is known
        self._fault: Exception | None = None
        self._send_to = setup.send
        self._unproven_bytes = 0
        self._proven = asyncio.Event()
        self._dtls = DtlsLink(
            setup.certificate,
            offer.fingerprints,
            is_client=offer.setup == "passive",
            says_goodbye=not offer.hangs_at_goodbye,
            send=self._send,
            on_closed=lambda: self.end(EndReason.CLOSED_BY_PEER),
            session=self.id,
        )
        self._handshake: asyncio.Task[None] | None = None
        self.token = setup.token  # by which it may be revoked
        self._expires_at = setup.expires_at
        self.client = setup.client
        self._on_checked = setup.checked
        self._on_connected = setup.connected
        self._on_interrupted = setup.interrupted
        self._on_sends_as = setup.sends_as
        self._on_end = setup.ended
        self._silent_since: float | None = None  # when the client was last heard, if that is long ago
        self._sender: SrtpSender | None = None

    @property
    def etag(self) -> str:
        """Identifies the ICE session (RFC 9725 4.3.1); a restart changes it."""
        return self.ice.local.ufrag

    @property
    def state(self) -> SessionState:
        if self.connected:
            return SessionState.CONNECTED
        return SessionState.NEW if self._handshake is None else SessionState.CONNECTING

    def breaks(self, fault: Exception) -> None:
        """Note a bug of ours that this client triggered. The next tick ends this session only."""
        self._fault = self._fault or fault

    def receive_check(self, request: BindingRequest, source: Address, now: float) -> CheckResult:
        """Answer a connectivity check; the first valid one starts the DTLS handshake."""
        result = self.ice.receive_check(request, source, now)
        if result.valid and self._handshake is None:
            self._handshake = asyncio.get_running_loop().create_task(self._connect())
            self._on_checked(self)
        if result.selected is not None:
            self._moved(source)
        self._send_due_request(now)
        return result

    def receive_response(self, response: bytes, source: Address, now: float) -> None:
        """Take the answer to a connectivity check of our own: media goes to its source from now on."""
        if (answer := self.ice.round_trip(response, source, now)) is not None:
            self._measured(answer, now)
        elif self.ice.receive_response(response, source, now):
            self._proven.set()
            self._moved(source)

    def receive_dtls(self, datagram: bytes) -> None:
        self._dtls.receive(datagram)

    @abstractmethod
    def receive_media(self, datagram: bytes, source: Address, now: float) -> Feed | None:
        """Take SRTP or SRTCP. Returns the feed for which the switch must process it, if any."""

    @abstractmethod
    def receive_stray(self, datagram: bytes, source: Address, now: float) -> bool:
        """Take SRTP or SRTCP from an address from which no check came.

        Returns whether it is the client's, and has not come before: whoever replays it may be anywhere.
        """

    @property
    def feeds(self) -> Feed | None:
        """The feed for which the switch must process all SRTP and SRTCP that comes, of a publisher."""
        return None

    def send_rtcp(self, compound: bytes) -> None:
        """Protect and send RTCP. Dropped before the session is connected."""
        if self._sender is not None:
            self._send(self._sender.protect_rtcp(compound))

    def tick(self, now: float) -> None:
        """End the session if its consent, setup time or token has expired. Called several times a second.

        Raises what `breaks` has noted.
        """
        if self._fault is not None:
            raise self._fault
        self._send_due_request(now)
        if self.connected:
            self._look_for_interruption(now)
        if self.connected and self.ice.consent_expired(now):
            if self._silent_since is None:  # it has not just left
                log.info("the client sends checks, and answers none (RFC 7675)", session=self.id)
            self.end(EndReason.CONSENT_EXPIRED)
        elif not self.connected and now - self.began_at >= SETUP_SECONDS:
            if self.state is SessionState.CONNECTING:
                self.handshake_error = self._dtls.stopped_at
            self.end(EndReason.NOT_CONNECTED)
        elif self._expires_at is not None and now >= self._expires_at:
            self.end(EndReason.TOKEN_EXPIRED)

    def _look_for_interruption(self, now: float) -> None:
        """Who is not heard again may have left without a word, and counts by the reason of the end only."""
        heard_at = self.ice.heard_at
        if now - heard_at >= INTERRUPTION_SECONDS:
            self._silent_since = heard_at
        elif self._silent_since is not None:
            self._on_interrupted(self, heard_at - self._silent_since)
            self._silent_since = None

    def end(self, reason: EndReason) -> None:
        """End the session and free all it held. Later calls do nothing."""
        if self.ended:
            return
        self.ended = True
        if self._handshake is not None:
            self._handshake.cancel()
            self._handshake = None  # the task keeps its frames, and they keep this session
        try:
            self._detach()
            self._dtls.close()
        finally:
            self._sender = None
            self._on_end(self, reason)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        checked_at = self.checked_at = loop.time()
        try:
            keys = await self._dtls.handshake()
            self.ice.handshake_done(loop.time())
            if not self.ice.proven:  # some flights went to another address
                await self._proven.wait()
        except DtlsError as error:
            self.handshake_error = error.with_traceback(None)  # which holds this frame, and that this session
            self.end(EndReason.HANDSHAKE_FAILED)
            return
        except Exception:
            log.exception("unexpected error in a DTLS handshake", session=self.id)
            self.handshake_error = DtlsError(HandshakeFailure.FAULT)
            self.end(EndReason.HANDSHAKE_FAILED)
            return
        self.connected = True
        try:
            self._sender = self._attach(keys)
        except Exception as fault:  # nobody awaits this task
            self.breaks(fault)
            return
        now = self.connected_at = loop.time()
        self._on_connected(self, now - self.began_at, now - checked_at)
        log.info("session connected", session=self.id, role=self.role, profile=keys.profile.name)

    @abstractmethod
    def traffic(self) -> Traffic:
        """What the session has sent or received so far."""

    def line_log(self, now: float) -> str:
        """The log of the client's line (`media.line.line_log`), as JSON. Of a publisher it has no parts."""
        return line_log.empty(now)

    @abstractmethod
    def _attach(self, keys: SrtpKeys) -> SrtpSender:
        """Begin to relay. Returns what protects outgoing RTCP."""

    @abstractmethod
    def _detach(self) -> None:
        """Stop relaying."""

    def _moved(self, address: Address) -> None:  # noqa: B027  # a publisher is not sent any media
        """The peer's address has changed to `address`."""

    @abstractmethod
    def _measured(self, answer: Answer, now: float) -> None:
        """An answer to a request of ours came, which measures the round trip."""

    def _send_due_request(self, now: float) -> None:
        if (request := self.ice.due_request(now)) is not None:
            self._send_to(*request)

    def _send(self, datagram: bytes) -> None:
        if self.ice.selected is None:
            return
        if not self.ice.proven:
            self._unproven_bytes += len(datagram)
            if self._unproven_bytes > UNPROVEN_BYTES:
                return
        self._send_to(datagram, self.ice.selected)
