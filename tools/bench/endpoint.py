"""One client of a WHIP or WHEP server: real ICE and DTLS over a UDP socket of its own, and no decoder."""

import asyncio
import contextlib
import ipaddress
import os
import secrets
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urljoin

from aioice import stun
from aiortc.sdp import MediaDescription, SessionDescription

from media.rtp.libsrtp import SrtpError, SrtpSession
from media.rtp.srtp import inbound_session, outbound_session
from media.transport.certificate import Certificate
from media.transport.dtls import DtlsLink
from media.transport.ice import new_credentials
from media.transport.stun import StunError, parse_binding_request, success_response
from tools.bench.http_client import Http
from tools.bench.inbox import Inbox

PAYLOAD_TYPE, RTX_TYPE = 96, 97
SOUND_TYPE, RED_TYPE = 111, 63
CONNECT_SECONDS = 20.0
CHECK_RETRY_SECONDS = 0.2
CONSENT_SECONDS = 5.0  # RFC 7675 5.1
SOCKET_BUFFER = 1024 * 1024
PRIORITY = 110 << 24 | 65535 << 8 | 255  # of a peer-reflexive candidate (RFC 8445 5.1.2.1)


class RefusedError(RuntimeError):
    """The server's answer is not a 201 with a UDP candidate."""


@dataclass(frozen=True, slots=True)
class Context:
    """What all endpoints of a process share."""

    headers: dict[str, str]  # of every request
    certificate: Certificate
    inbox: Inbox
    estimates: bool = False  # viewers offer to estimate their line, as browsers do
    sound: bool = False  # beside the pictures; viewers take redundant sound, too (RFC 2198)
    http: Http = field(default_factory=Http)


class Endpoint(ABC):
    """Connects, keeps its session alive, and tells its datagrams apart (RFC 7983).

    `answered_after` is in seconds from the POST until its answer begins.
    """

    direction: str
    payload_types: Sequence[int] = (PAYLOAD_TYPE,)
    reports_per_second = 1

    def __init__(self, url: str, context: Context) -> None:
        self.ssrc = secrets.randbelow(1 << 32)
        self.answered_after = 0.0
        self._url = url
        self._context = context
        self._local = new_credentials()
        self._tie_breaker = secrets.randbits(64)
        self._checked = asyncio.Event()
        self._checked_at = 0.0
        self._session_url: str | None = None
        self._socket: socket.socket | None = None
        self._inbound: SrtpSession | None = None
        self._outbound: SrtpSession | None = None

    async def connect(self) -> None:
        """Offer, check, shake hands; raises `RefusedError`, `DtlsError` or `TimeoutError`."""
        async with asyncio.timeout(CONNECT_SECONDS):
            media = await self._post_offer()
            assert media.ice is not None
            assert media.dtls is not None
            self._username = f"{media.ice.usernameFragment}:{self._local.ufrag}"
            self._remote_password = str(media.ice.password).encode()
            self._dtls = DtlsLink(
                self._context.certificate,
                [(fingerprint.algorithm, fingerprint.value) for fingerprint in media.dtls.fingerprints],
                is_client=media.dtls.role == "server",
                send=self._send,
                on_closed=lambda: None,
            )
            self._open_socket(media)
            while not self._checked.is_set():
                self._send_check()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(CHECK_RETRY_SECONDS):
                        await self._checked.wait()
            keys = await self._dtls.handshake()
        self._inbound, self._outbound = inbound_session(keys), outbound_session(keys)

    async def close(self) -> None:
        """End the session by DELETE, and free the socket."""
        if self._session_url is not None:
            await self._context.http.ask("DELETE", self._session_url, self._context.headers)
        if self._socket is not None:
            self._dtls.close()
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    @property
    def connected(self) -> bool:
        """Whether media can flow."""
        return self._outbound is not None and self._socket is not None

    @property
    def inode(self) -> int:
        """Of the socket, as `/proc/net/udp` lists it."""
        return os.fstat(self._fd).st_ino

    def tick(self) -> None:
        """Send the report, and the consent check when it is due.

        Called `reports_per_second` times a second while connected.
        """
        assert self._outbound is not None
        if time.monotonic() - self._checked_at >= CONSENT_SECONDS:
            self._send_check()
        if report := self._report():
            self._send(self._outbound.protect_rtcp(report))

    def check(self) -> bytes:
        """A connectivity check that nominates the address that it comes from (RFC 8445 7.2.4)."""
        check = stun.Message(
            stun.Method.BINDING,
            stun.Class.REQUEST,
            attributes={
                "USERNAME": self._username,
                "PRIORITY": PRIORITY,
                "ICE-CONTROLLING": self._tie_breaker,
                "USE-CANDIDATE": None,
            },
        )
        check.add_message_integrity(self._remote_password)
        return bytes(check)

    @abstractmethod
    def _report(self) -> bytes:
        """A sender or receiver report; empty when there is nothing to tell yet."""

    def _readable(self) -> None:
        for number in range(self._context.inbox.receive(self._fd)):
            self._take(self._context.inbox.datagram(number))

    def _take(self, datagram: bytes) -> None:
        """Take a datagram that is not media."""
        first = datagram[0] if datagram else 255
        if first <= 3:
            self._take_stun(datagram)
        elif 20 <= first <= 63:
            self._dtls.receive(datagram)
        elif 128 <= first <= 191 and self._inbound is not None:
            with contextlib.suppress(SrtpError):
                self._take_rtcp(self._inbound.unprotect_rtcp(datagram))

    def _take_rtcp(self, compound: bytes) -> None:  # noqa: B027  # a viewer has no use for reports
        """Take the server's RTCP, decrypted."""

    def _take_stun(self, datagram: bytes) -> None:
        try:
            request = parse_binding_request(datagram)
        except StunError:
            try:
                message = stun.parse_message(datagram)
            except ValueError:
                return
            if message.message_class is stun.Class.RESPONSE and message.check_message_integrity(
                self._remote_password
            ):
                self._checked.set()
            return
        if request.is_authentic(self._local.password):  # of a server that is a full agent
            self._send(success_response(request, *self._remote, self._local.password))

    def _send_check(self) -> None:
        self._checked_at = time.monotonic()
        self._send(self.check())

    def _send(self, datagram: bytes) -> None:
        if self._socket is None:  # closed
            return
        with contextlib.suppress(OSError):  # as lost on the way
            self._socket.send(datagram)

    async def _post_offer(self) -> MediaDescription:
        headers = {"Content-Type": "application/sdp", **self._context.headers}
        offer = self._offer()
        self._began = time.monotonic()
        answer = await self._context.http.ask("POST", self._url, headers, offer)
        self.answered_after = answer.seconds
        if answer.status != 201:
            raise RefusedError(f"{self._url}: {answer.status} {answer.body[:200]!r}")
        if location := answer.headers.get("location"):
            self._session_url = urljoin(self._url, location)
        return SessionDescription.parse(answer.body.decode()).media[0]

    def _open_socket(self, media: MediaDescription) -> None:
        candidates = [c for c in media.ice_candidates if c.protocol == "udp" and c.component == 1]
        if not candidates:
            raise RefusedError(f"{self._url}: no UDP candidate in the answer")
        best = max(candidates, key=lambda candidate: candidate.priority)
        self._remote = (best.ip, best.port)
        version = ipaddress.ip_address(best.ip).version
        self._socket = socket.socket(socket.AF_INET6 if version == 6 else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)
        self._socket.connect(self._remote)
        self._fd = self._socket.fileno()
        asyncio.get_running_loop().add_reader(self._fd, self._readable)

    def _offer(self) -> str:
        lines = [
            "v=0",
            f"o=- {secrets.randbits(62)} 1 IN IP4 127.0.0.1",
            "s=-",
            "t=0 0",
            f"a=group:BUNDLE {'0 1' if self._context.sound else '0'}",
            *self._section("video", 0, self.payload_types),
            f"a=rtpmap:{PAYLOAD_TYPE} VP8/90000",
            f"a=rtcp-fb:{PAYLOAD_TYPE} nack",
            f"a=rtcp-fb:{PAYLOAD_TYPE} nack pli",
            *self._attributes(),
        ]
        if self._context.sound:
            lines += [
                *self._section("audio", 1, (SOUND_TYPE, RED_TYPE)),
                f"a=rtpmap:{SOUND_TYPE} opus/48000/2",
                f"a=rtpmap:{RED_TYPE} red/48000/2",
                f"a=fmtp:{RED_TYPE} {SOUND_TYPE}/{SOUND_TYPE}",
            ]
        return "".join(f"{line}\r\n" for line in lines)

    def _section(self, kind: str, mid: int, payload_types: Sequence[int]) -> list[str]:
        return [
            f"m={kind} 9 UDP/TLS/RTP/SAVPF {' '.join(map(str, payload_types))}",
            "c=IN IP4 0.0.0.0",
            f"a=mid:{mid}",
            f"a=ice-ufrag:{self._local.ufrag}",
            f"a=ice-pwd:{self._local.password}",
            f"a=fingerprint:sha-256 {self._context.certificate.fingerprint}",
            "a=setup:actpass",
            f"a={self.direction}",
            "a=rtcp-mux",
        ]

    def _attributes(self) -> list[str]:
        """Further attribute lines."""
        return []
