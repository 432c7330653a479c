"""A viewer in Python behind a line: real ICE, DTLS and SRTP; a browser's estimate, sound, picture as models.

Thirty of them take the processor time of one browser.
"""

import asyncio
import contextlib
import re
import socket
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urljoin

import httpx

from media.rtp.extensions import TRANSPORT_CC_EXTENSION
from media.rtp.libsrtp import SrtpError
from media.rtp.srtp import InboundSession
from tests.support.modelled_browser import NUMBER_ID, SEND_TIME_ID, ModelledBrowser
from tests.support.peer import Peer
from tests.support.seen_line import SeenLine

ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
PICTURE = (
    "a=rtpmap:96 VP8/90000",
    "a=rtcp-fb:96 goog-remb",
    "a=rtcp-fb:96 transport-cc",
    "a=rtcp-fb:96 nack",
    "a=rtcp-fb:96 nack pli",
    "a=rtpmap:97 rtx/90000",
    "a=fmtp:97 apt=96",
    f"a=extmap:{SEND_TIME_ID} {ABS_SEND_TIME}",
    f"a=extmap:{NUMBER_ID} {TRANSPORT_CC_EXTENSION}",
)
SOUND = ("a=rtpmap:111 opus/48000/2", "a=rtcp-fb:111 goog-remb", f"a=extmap:{SEND_TIME_ID} {ABS_SEND_TIME}")
TICK_SECONDS = 0.005
CONSENT_SECONDS = 5.0
BATCH = 64


class LineViewer(Peer):
    """One viewer. Its times are those of a steady clock, whose beginning is Unix time 0."""

    def __init__(self) -> None:
        super().__init__(publishes=False, picture=PICTURE, sound=SOUND)
        self.browser = ModelledBrowser(self.send_rtcp, clock())
        self._consent_at = clock()

    async def watch(self, http: httpx.AsyncClient, whep: str, lead: Callable[[str], str]) -> str:
        """Play `whep`; `lead` turns the answer so that it leads to the line. Returns the session's URL."""
        headers = {"Content-Type": "application/sdp"}
        response = await http.post(whep, content=self.offer(), headers=headers)
        assert response.status_code == 201, response.text
        answer = lead(response.text)
        if ABS_SEND_TIME in answer and re.search(r"a=rtcp-fb:\S+ goog-remb", answer):
            self.browser.estimates()
        if TRANSPORT_CC_EXTENSION in answer and re.search(r"a=rtcp-fb:\S+ transport-cc", answer):
            self.browser.tells_arrivals()
        await self.connect(answer)
        self._consent_at = clock() + CONSENT_SECONDS
        return urljoin(whep, response.headers["Location"])

    async def move(self) -> None:
        """As `Peer`, but many datagrams are read at once: what waits for its turn is not late."""
        self._transport = _Socket(self)

    async def seen(self) -> SeenLine:
        """All that it has seen and heard so far."""
        return self.browser.seen()

    def tick(self, now: float) -> None:
        """Do what is due. Called each `TICK_SECONDS` or so while connected."""
        self.browser.tick(now)
        if now >= self._consent_at:
            self._consent_at = now + CONSENT_SECONDS
            self.send(bytes(self.new_check()))

    def _take_media(self, session: InboundSession, data: bytes) -> None:
        with contextlib.suppress(SrtpError):
            if 192 <= data[1] <= 223:
                self.browser.take_rtcp(session.unprotect_rtcp(data), len(data), clock())
            else:
                self.browser.take_packet(session.unprotect(data), len(data), clock())


def clock() -> float:
    """Steady, and near to Unix time."""
    return _EPOCH + time.monotonic()


_EPOCH = time.time() - time.monotonic()


class _Socket(asyncio.DatagramTransport):
    """A transport that reads all that is there."""

    def __init__(self, viewer: LineViewer) -> None:
        super().__init__()
        self._viewer = viewer
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024 * 1024)
        self._loop.add_reader(self._socket.fileno(), self._readable)

    def _readable(self) -> None:
        with contextlib.suppress(OSError):  # nothing is left, or the session has ended
            for _ in range(BATCH):
                data, address = self._socket.recvfrom(2048)
                self._viewer.datagram_received(data, address)

    def sendto(self, data: Any, addr: Any = None) -> None:
        with contextlib.suppress(OSError):
            self._socket.sendto(data, addr)

    def is_closing(self) -> bool:
        return self._socket.fileno() < 0

    def close(self) -> None:
        if not self.is_closing():
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()


@contextlib.asynccontextmanager
async def line_viewer(
    http: httpx.AsyncClient, whep: str, lead: Callable[[str], str]
) -> AsyncIterator[LineViewer]:
    """A viewer that watches until left."""
    viewer = LineViewer()
    session = await viewer.watch(http, whep, lead)

    async def live() -> None:
        while True:
            viewer.tick(clock())
            await asyncio.sleep(TICK_SECONDS)

    living = asyncio.create_task(live())
    try:
        yield viewer
    finally:
        living.cancel()
        await asyncio.wait([living])
        viewer.close()
        await http.delete(session)
    assert living.cancelled(), living.exception()
