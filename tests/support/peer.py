"""A client of the media plane without a media stack: ICE checks by aioice, the worker's own DTLS, raw RTP."""

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import Sequence
from typing import Any, Self

from aioice import stun

from media.rtp.libsrtp import SrtpError, SrtpSession
from media.rtp.srtp import InboundSession, Profile, SrtpKeys, inbound_session, outbound_session
from media.transport.certificate import Certificate
from media.transport.dtls import DtlsLink
from media.transport.ice import new_credentials
from tests.support.far_end import rtp
from tests.support.sdp import OPUS, VP8, offer, read_answer, section
from tests.support.stun_server import mapped
from tests.support.waiting import eventually

IN_TIME = 10.0
CHECK_RETRY_SECONDS = 0.2
SSRCS = {96: 0x0A0A, 111: 0x0B0B}


def payload_of(number: int) -> bytes:
    """A payload with that number, which begins like a VP8 keyframe (RFC 7741 4.2, 4.3)."""
    return b"\x10\x00" + number.to_bytes(6)


def number_of(payload: bytes) -> int:
    return int.from_bytes(payload[2:])


class Peer(asyncio.DatagramProtocol):
    """One client. `rtp` and `rtcp` hold what arrived, decrypted; `closed`: by the server, over DTLS."""

    def __init__(
        self,
        *,
        publishes: bool,
        setup: str = "actpass",
        gcm: bool = True,
        sound: Sequence[str] = OPUS,
        picture: Sequence[str] = (*VP8, "a=rtcp-fb:96 nack pli"),
        host: str = "127.0.0.1",
        name: str = "-",
    ) -> None:
        """`sound` and `picture` are the attributes of their sections; empty: there is none.

        `name` is that of its sessions (`s=`). It is at the address `host`, and goes to the first candidate
        of that family.
        """
        self.host = host
        self._name = name
        self.certificate = Certificate.generate()
        if not gcm:
            self.certificate.context.set_tlsext_use_srtp(Profile.AES128_CM_SHA1_80.openssl_name)
        self.local = new_credentials()
        self.rtp: list[bytes] = []
        self.rtcp: list[bytes] = []
        self.closed = False
        self.proves_address = True  # answers checks
        self.sent = 0
        self._sequences: Counter[int] = Counter()
        self._direction = "sendonly" if publishes else "recvonly"
        self._setup = setup
        self._sections = [("audio", sound), ("video", picture)]
        self._answers: dict[bytes, asyncio.Future[stun.Message]] = {}
        self._transport: asyncio.DatagramTransport | None = None
        self._dtls: DtlsLink | None = None
        self._inbound: InboundSession | None = None
        self._early: list[bytes] = []  # media that overtook the end of the handshake
        self._outbound: SrtpSession | None = None

    def offer(self) -> str:
        transport = (
            f"a=ice-ufrag:{self.local.ufrag}",
            f"a=ice-pwd:{self.local.password}",
            f"a=fingerprint:sha-256 {self.certificate.fingerprint}",
            f"a=setup:{self._setup}",
        )
        text = offer(
            *(
                section(kind, *attributes, mid=str(mid), direction=self._direction, transport=transport)
                for mid, (kind, attributes) in enumerate(self._sections)
                if attributes
            )
        )
        return text.replace("s=-", f"s={self._name}")

    async def take(self, answer: str) -> None:
        """Take the answer and open a socket."""
        media = read_answer(answer).media[0]
        assert media.dtls
        assert media.ice
        assert media.ice.usernameFragment
        assert media.ice.password
        self.use_credentials(media.ice.usernameFragment, media.ice.password)
        self._server = next(
            (candidate.ip, candidate.port)
            for candidate in media.ice_candidates
            if (":" in candidate.ip) == (":" in self.host)
        )
        self._dtls = DtlsLink(
            self.certificate,
            [(f.algorithm, f.value) for f in media.dtls.fingerprints],
            is_client=media.dtls.role == "server",
            send=self.send,
            on_closed=self._on_closed,
        )
        await self.move()

    async def connect(self, answer: str) -> Self:
        await self.take(answer)
        assert await self.check()
        await self.shake_hands()
        return self

    async def shake_hands(self) -> SrtpKeys:
        assert self._dtls
        keys = await asyncio.wait_for(self._dtls.handshake(), IN_TIME)
        self._inbound, self._outbound = inbound_session(keys), outbound_session(keys)
        for datagram in self._early:
            self._take_media(self._inbound, datagram)
        self._early.clear()
        return keys

    async def move(self) -> None:
        """Continue from another port."""
        if self._transport is not None:
            self._transport.close()
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=self.new_socket())

    def new_socket(self) -> socket.socket:
        """At the address of this peer, with any port."""
        made = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET, socket.SOCK_DGRAM)
        made.setblocking(False)
        made.bind((self.host, 0))
        return made

    def use_credentials(self, ufrag: str, password: str) -> None:
        self._remote_ufrag, self._remote_password = ufrag, password

    async def check(
        self, *, password: str | None = None, nominate: bool = True, within: float = IN_TIME
    ) -> bool:
        """Send checks until one is answered: whether it was a success."""
        request = self.new_check(password, nominate=nominate)
        answer = self._answers[request.transaction_id] = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(within):
            while not answer.done():
                self.send(bytes(request))
                await asyncio.wait([answer], timeout=CHECK_RETRY_SECONDS)
        return answer.result().message_class is stun.Class.RESPONSE

    def new_check(self, password: str | None = None, *, nominate: bool = True) -> stun.Message:
        """A check that is not sent yet."""
        request = stun.Message(
            stun.Method.BINDING,
            stun.Class.REQUEST,
            attributes={
                "USERNAME": f"{self._remote_ufrag}:{self.local.ufrag}",
                "PRIORITY": 1,
                "ICE-CONTROLLING": 1,
            },
        )
        if nominate:
            request.attributes["USE-CANDIDATE"] = None
        request.add_message_integrity((password or self._remote_password).encode())
        return request

    def send(self, datagram: bytes) -> None:
        """Send any datagram."""
        assert self._transport
        if not self._transport.is_closing():
            self._transport.sendto(datagram, self._server)

    def send_media(self, *payload_types: int) -> None:
        """The next packet of each payload type; its payload tells the number of packets so far."""
        assert self._outbound
        for payload_type in payload_types or SSRCS:
            self.sent += 1
            self._sequences[payload_type] += 1
            packet = rtp(
                self._sequences[payload_type],
                payload_of(self.sent),
                payload_type=payload_type,
                ssrc=SSRCS[payload_type],
            )
            self.send(self._outbound.protect(packet))

    def send_packet(self, payload_type: int, payload: bytes, timestamp: int = 0) -> None:
        """The next packet of a payload type, with a payload of the caller's."""
        self._sequences[payload_type] += 1
        self.send_rtp(
            rtp(
                self._sequences[payload_type],
                payload,
                payload_type=payload_type,
                timestamp=timestamp,
                ssrc=SSRCS.get(payload_type, payload_type),
            )
        )

    def send_rtp(self, packet: bytes) -> None:
        """Protect and send an RTP packet."""
        assert self._outbound
        self.send(self._outbound.protect(packet))

    def send_rtcp(self, compound: bytes) -> None:
        assert self._outbound
        self.send(self._outbound.protect_rtcp(compound))

    async def gets_media_of(self, publisher: "Peer") -> None:
        """Wait until media of `publisher` arrives here; it sends until then."""
        before = len(self.rtp)

        def arrived() -> bool:
            publisher.send_media()
            return len(self.rtp) >= before + 4

        await eventually("media arrives", arrived, IN_TIME)

    def close(self, *, without_a_word: bool = False) -> None:
        if self._transport is not None and without_a_word:
            self._transport.close()
        if self._dtls is not None:
            self._dtls.close()
        if self._transport is not None:
            self._transport.close()

    def _on_closed(self) -> None:
        self.closed = True

    def datagram_received(self, data: bytes, address: tuple[Any, ...]) -> None:
        if data[0] <= 3:
            self._take_stun(data, address)
        elif 20 <= data[0] <= 63:
            assert self._dtls
            self._dtls.receive(data)
        elif self._inbound is None:
            self._early.append(data)
        else:
            self._take_media(self._inbound, data)

    def _take_stun(self, data: bytes, address: tuple[Any, ...]) -> None:
        message = stun.parse_message(data)
        if message.message_class is stun.Class.REQUEST:
            assert message.check_message_integrity(self.local.password.encode())
            assert message.attributes["USERNAME"] == f"{self.local.ufrag}:{self._remote_ufrag}"
            assert "ICE-CONTROLLED" in message.attributes
            if self.proves_address:
                self.send(mapped(message.transaction_id, address, self.local.password))
            return
        answer = self._answers.pop(message.transaction_id, None)
        if answer is not None and not answer.done():
            answer.set_result(message)

    def _take_media(self, session: InboundSession, data: bytes) -> None:
        with contextlib.suppress(SrtpError):
            if 192 <= data[1] <= 223:
                self.rtcp.append(session.unprotect_rtcp(data))
            else:
                self.rtp.append(session.unprotect(data))
