"""A WHIP publisher and a WHEP viewer of aiortc, kept to loopback.

`python -m tests.support.aiortc_client URL [TOKEN]` publishes until it is killed.
"""

import asyncio
import contextlib
import fractions
from collections import Counter
from typing import Self
from urllib.parse import urljoin

import aioice.ice
import httpx
import numpy
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError
from av import VideoFrame

from tests.support.waiting import eventually

CONNECT_SECONDS = 15.0
WIDTH, HEIGHT, FRAMES_PER_SECOND = 160, 120, 10

# aioice leaves loopback out; the tests use nothing else
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"] if use_ipv4 else []


class MovingBar(MediaStreamTrack):
    """A small picture whose bright bar moves with each frame."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._frame = 0
        self._start = asyncio.get_running_loop().time()

    async def recv(self) -> VideoFrame:
        due = self._start + self._frame / FRAMES_PER_SECOND
        await asyncio.sleep(due - asyncio.get_running_loop().time())
        picture = numpy.full((HEIGHT, WIDTH, 3), 64, dtype=numpy.uint8)
        left = 8 * self._frame % WIDTH
        picture[:, left : left + 8] = 240
        frame = VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = self._frame, fractions.Fraction(1, FRAMES_PER_SECOND)
        self._frame += 1
        return frame


class Client:
    """One session of aiortc with the server. `frames` counts what has arrived and was decoded, by kind."""

    def __init__(self, http: httpx.AsyncClient, url: str, token: str = "") -> None:
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.frames: Counter[str] = Counter()
        self.session_url = ""
        self.says_of_opus = ""  # as another client would, in its fmtp
        self._http, self._url = http, url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._counting: set[asyncio.Task[None]] = set()
        self.pc.add_listener("track", self._on_track)

    async def __aenter__(self) -> Self:
        try:
            return await self.connect()
        except BaseException:
            await self.close()
            raise

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _on_track(self, track: MediaStreamTrack) -> None:
        task = asyncio.create_task(self._count(track))
        self._counting.add(task)
        task.add_done_callback(self._counting.discard)

    async def _count(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                await track.recv()
                self.frames[track.kind] += 1

    async def offer(self) -> httpx.Response:
        """Send the offer; on 201 take the answer."""
        await self.pc.setLocalDescription(await self.pc.createOffer())
        offer = self.pc.localDescription.sdp
        if self.says_of_opus:
            opus = "a=rtpmap:96 opus/48000/2\r\n"
            assert opus in offer
            offer = offer.replace(opus, f"{opus}a=fmtp:96 {self.says_of_opus}\r\n")
        response = await self._http.post(
            self._url,
            content=offer,
            headers={"Content-Type": "application/sdp", **self._headers},
        )
        if response.status_code == 201:
            self.session_url = urljoin(self._url, response.headers["Location"])
            await self.pc.setRemoteDescription(RTCSessionDescription(response.text, "answer"))
        return response

    async def connect(self) -> Self:
        """Offer, and wait until media can flow."""
        response = await self.offer()
        assert response.status_code == 201, response.text
        await eventually("connected", lambda: self.pc.connectionState == "connected", CONNECT_SECONDS)
        return self

    async def delete(self) -> httpx.Response:
        return await self._http.delete(self.session_url, headers=self._headers)

    async def received(self, within: float, video: int = 5, audio: int = 10) -> None:
        """Wait until that many more frames of each kind have been decoded."""
        before = Counter(self.frames)
        await eventually(
            f"{video} video and {audio} audio frames",
            lambda: (
                self.frames["video"] - before["video"] >= video
                and self.frames["audio"] - before["audio"] >= audio
            ),
            within,
        )

    async def ended(self, within: float) -> None:
        """Wait until the server has closed the session by DTLS."""
        transport = self.pc.getTransceivers()[0].receiver.transport
        await eventually("closed by the server", lambda: transport.state == "closed", within)

    async def close(self) -> None:
        """Close the connection by DTLS, without DELETE."""
        await self.pc.close()
        await asyncio.gather(*self._counting)


def publisher(http: httpx.AsyncClient, url: str, token: str = "") -> Client:
    """A client that will send a small picture and sound; enter it to connect."""
    client = Client(http, url, token)
    client.pc.addTransceiver(AudioStreamTrack(), direction="sendonly")
    client.pc.addTransceiver(MovingBar(), direction="sendonly")
    return client


def viewer(http: httpx.AsyncClient, url: str, token: str = "") -> Client:
    """A client that will receive and decode; enter it to connect."""
    client = Client(http, url, token)
    client.pc.addTransceiver("audio", direction="recvonly")
    client.pc.addTransceiver("video", direction="recvonly")
    return client
