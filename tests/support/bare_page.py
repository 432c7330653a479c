"""Peer connections in a Chromium tab without any page of ours: the test speaks the HTTP of them itself."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

import httpx
from playwright.async_api import Page

from shared.sdp.fragment import parse_fragment
from tests.support.waiting import eventually

CONNECT_SECONDS = 20.0
SDP = {"Content-Type": "application/sdp"}
FRAGMENT = "application/trickle-ice-sdpfrag"

_PREPARE = """() => {
    window.peers = [];
    window.watch = (number) => {
        const video = document.createElement('video');
        Object.assign(video, { muted: true, autoplay: true, width: 80 });
        document.body.append(video);
        const stream = new MediaStream();
        peers[number].pc.ontrack = ({ track }) => { stream.addTrack(track); video.srcObject = stream; };
    };
}"""
_OFFER = """async ([number, publishes]) => {
    const pc = new RTCPeerConnection();
    peers[number] = { pc, states: [] };
    pc.onconnectionstatechange = () => peers[number].states.push(pc.connectionState);
    if (publishes) {
        const video = { width: 320, height: 180, frameRate: 15 };
        const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video });
        stream.getTracks().forEach((track) => pc.addTransceiver(track, { direction: 'sendonly' }));
    } else {
        watch(number);
        ['audio', 'video'].forEach((kind) => pc.addTransceiver(kind, { direction: 'recvonly' }));
    }
    await pc.setLocalDescription();
    return pc.localDescription.sdp;
}"""
_ACCEPT = "([number, sdp]) => peers[number].pc.setRemoteDescription({ type: 'answer', sdp })"
_RESTART = """async (number) => {
    const { pc } = peers[number];
    pc.restartIce();
    await pc.setLocalDescription();
    return pc.localDescription.sdp;
}"""


class BarePeer:
    """One connection of the tab. `states` are its connection's, in turn."""

    def __init__(self, page: Page, number: int, http: httpx.AsyncClient) -> None:
        self._page, self._number, self._http = page, number, http
        self.session_url = ""
        self.etag = ""
        self._answer = ""
        self._local = ""

    async def connect(
        self, url: str, *, publishes: bool, through: Callable[[str], str] = lambda answer: answer
    ) -> None:
        """Offer, and wait for the connection; `through` may lead it elsewhere than the answer says."""
        offer = await self._page.evaluate(_OFFER, [self._number, publishes])
        response = await self._http.post(url, content=offer, headers=SDP)
        assert response.status_code == 201, response.text
        self.session_url = urljoin(url, response.headers["Location"])
        self.etag = response.headers["ETag"]
        self._answer = through(response.text)
        await self._page.evaluate(_ACCEPT, [self._number, self._answer])
        await eventually("connected", self.is_connected, CONNECT_SECONDS)

    async def states(self) -> list[str]:
        return list(await self._page.evaluate("(number) => peers[number].states", self._number))

    async def is_connected(self) -> bool:
        return (await self.states())[-1:] == ["connected"]

    async def begin_restart(self) -> str:
        """Take new ICE credentials; returns the fragment that tells them (RFC 9725 4.3.2)."""
        self._local = await self._page.evaluate(_RESTART, self._number)
        wanted = ("a=ice-ufrag:", "a=ice-pwd:")
        lines = self._local.split("\r\n")
        first = next(line for line in lines if line.startswith("m="))
        mid = next(line for line in lines if line.startswith("a=mid:"))
        credentials = [next(line for line in lines if line.startswith(name)) for name in wanted]
        return "\r\n".join([*credentials, first, mid, ""])

    async def patch(self, fragment: str, if_match: str | None) -> httpx.Response:
        headers = {"Content-Type": FRAGMENT} | ({} if if_match is None else {"If-Match": if_match})
        return await self._http.patch(self.session_url, content=fragment, headers=headers)

    async def finish_restart(self, fragment: str, through: Callable[[str], str] = lambda text: text) -> None:
        """Take the server's new credentials."""
        told = parse_fragment(fragment)
        assert told.ice_ufrag
        assert told.ice_pwd
        lines = self._answer.split("\r\n")
        for at, line in enumerate(lines):
            if line.startswith("a=ice-ufrag:"):
                lines[at] = f"a=ice-ufrag:{told.ice_ufrag}"
            elif line.startswith("a=ice-pwd:"):
                lines[at] = f"a=ice-pwd:{told.ice_pwd}"
        self._answer = "\r\n".join(lines)
        await self._page.evaluate(_ACCEPT, [self._number, self._answer])

    async def pair(self) -> str:
        """Names the candidate pair that is in use."""
        return str(
            await self._page.evaluate(
                """async (number) => {
                    const all = [...(await peers[number].pc.getStats()).values()];
                    return all.find((s) => s.type === 'transport').selectedCandidatePairId;
                }""",
                self._number,
            )
        )

    async def stat(self, kind: str, name: str) -> Any:
        """One number of the statistics of that kind, `inbound-rtp` for one, of the video."""
        return await self._page.evaluate(
            """async ([number, kind, name]) => {
                const all = [...(await peers[number].pc.getStats()).values()];
                return all.find((s) => s.type === kind && (s.kind ?? 'video') === 'video')?.[name] ?? 0;
            }""",
            [self._number, kind, name],
        )


class BarePage:
    """A tab. Its address is the server's, so that it may use camera and microphone."""

    def __init__(self, page: Page, http: httpx.AsyncClient) -> None:
        self._page, self._http = page, http
        self._count = 0

    @classmethod
    async def open(cls, page: Page, url: str, http: httpx.AsyncClient) -> "BarePage":
        await page.goto(f"{url}/healthz")
        await page.evaluate(_PREPARE)
        return cls(page, http)

    async def decoded(self) -> list[int]:
        """How many pictures each viewer of the page has decoded."""
        return list(
            await self._page.evaluate(
                """() => Promise.all(peers.map(async ({ pc }) => {
                    const all = [...(await pc.getStats()).values()];
                    const video = all.find((s) => s.type === 'inbound-rtp' && s.kind === 'video');
                    return video?.framesDecoded ?? 0;
                }))"""
            )
        )

    def peer(self) -> BarePeer:
        self._count += 1
        return BarePeer(self._page, self._count - 1, self._http)
