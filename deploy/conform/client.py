"""A publisher and a viewer with real media, of aiortc, which knows nothing of our own transport."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from urllib.parse import urlsplit

import aioice.ice
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack

CONNECT_SECONDS = 15.0
MEDIA_SECONDS = 10.0
POLL_SECONDS = 0.02


class Peer:
    """One peer connection. `frames` counts what was decoded, by kind."""

    def __init__(self, *, publishes: bool) -> None:
        self.frames: Counter[str] = Counter()
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._tasks: set[asyncio.Task[None]] = set()
        self._pc.add_listener("track", self._on_track)
        self._publishes = publishes

    async def offer(self) -> str:
        """Its offer, with all candidates."""
        direction = "sendonly" if self._publishes else "recvonly"
        self._pc.addTransceiver(AudioStreamTrack() if self._publishes else "audio", direction=direction)
        self._pc.addTransceiver(VideoStreamTrack() if self._publishes else "video", direction=direction)
        await self._pc.setLocalDescription(await self._pc.createOffer())
        return str(self._pc.localDescription.sdp)

    async def take(self, answer: str) -> None:
        await self._pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def answer(self, offer: str) -> str:
        """Its answer to an offer of the server."""
        await self._pc.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await self._pc.setLocalDescription(await self._pc.createAnswer())
        return str(self._pc.localDescription.sdp)

    async def connects(self) -> bool:
        return await self._until(lambda: self._pc.connectionState == "connected", CONNECT_SECONDS)

    async def gets(self) -> bool:
        """Whether some pictures come."""
        return await self._until(lambda: self.frames["video"] >= 5, MEDIA_SECONDS)

    async def is_closed(self) -> bool:
        """Whether the server ends the connection."""
        transport = self._pc.getTransceivers()[0].receiver.transport
        return await self._until(lambda: transport.state in ("closed", "failed"), MEDIA_SECONDS)

    async def close(self) -> None:
        await self._pc.close()
        await asyncio.gather(*self._tasks)

    async def _until(self, holds: Callable[[], bool], seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not holds():  # noqa: ASYNC110 - aiortc has states, and tells few changes
                    await asyncio.sleep(POLL_SECONDS)
        return holds()

    def _on_track(self, track: MediaStreamTrack) -> None:
        task = asyncio.create_task(self._count(track))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _count(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                await track.recv()
                self.frames[track.kind] += 1


@contextlib.asynccontextmanager
async def peer(*, publishes: bool) -> AsyncIterator[Peer]:
    made = Peer(publishes=publishes)
    try:
        yield made
    finally:
        await made.close()


def reach_this_host(url: str) -> None:
    """Let the peers of this process reach the server at `url`: of its own host aioice leaves loopback out."""
    if urlsplit(url).hostname in ("127.0.0.1", "::1", "localhost"):
        aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"] if use_ipv4 else ["::1"]
