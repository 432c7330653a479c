"""A minimal WHIP/WHEP server on aiortc's own `RTCPeerConnection` and `MediaRelay`, to compare with.

`python -m tools.bench.media_relay_server PORT` serves `/whip/{room}` and `/whep/{room}` on loopback.
"""

import secrets
import sys

import aioice.ice
import uvicorn
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

HOST = "127.0.0.1"
# Our load has no candidates in its offer. aioice gives up at once when it has nobody to check, so it gets
# somebody who does not answer; the client's own checks then make it known.
NOBODY = f"a=candidate:1 1 udp 1 {HOST} 9 typ host\r\n"

# aioice leaves loopback out
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: [HOST] if use_ipv4 else []


class MediaRelayServer:
    def __init__(self) -> None:
        self._relay = MediaRelay()
        self._tracks: dict[str, MediaStreamTrack] = {}
        self._sessions: dict[str, RTCPeerConnection] = {}

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/whip/{room}", self.publish, methods=["POST"]),
                Route("/whep/{room}", self.play, methods=["POST"]),
                Route("/sessions/{session}", self.end, methods=["DELETE"]),
            ]
        )

    async def publish(self, request: Request) -> Response:
        connection = _connection()

        def take(track: MediaStreamTrack) -> None:
            self._tracks[request.path_params["room"]] = track

        connection.add_listener("track", take)
        return await self._answer(connection, request)

    async def play(self, request: Request) -> Response:
        track = self._tracks.get(request.path_params["room"])
        if track is None:
            return PlainTextResponse("no such room", 404)
        connection = _connection()
        # unbuffered: a viewer that it cannot serve misses pictures instead of falling behind without end
        connection.addTrack(self._relay.subscribe(track, buffered=False))
        return await self._answer(connection, request)

    async def end(self, request: Request) -> Response:
        connection = self._sessions.pop(request.path_params["session"], None)
        if connection is not None:
            await connection.close()
        return Response()

    async def _answer(self, connection: RTCPeerConnection, request: Request) -> Response:
        offer = (await request.body()).decode() + NOBODY
        await connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        session = secrets.token_urlsafe()
        self._sessions[session] = connection
        return Response(
            connection.localDescription.sdp,
            201,
            {"Location": f"/sessions/{session}"},
            media_type="application/sdp",
        )


def _connection() -> RTCPeerConnection:
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


if __name__ == "__main__":
    uvicorn.run(
        MediaRelayServer().app(), host=HOST, port=int(sys.argv[1]), access_log=False, log_level="warning"
    )
