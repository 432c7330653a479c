"""Light clients over the whole system: sessions by HTTP, media by `Peer`.

A publisher and a player that come back whenever they are cut off. The player follows `reconnect`, without a
gap of its own making: it ends a session when the next one plays.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol
from urllib.parse import urljoin

import httpx

from control.events.viewer_text import RELATION
from media.rtp.packet import parse
from media.transport.dtls import DtlsError
from tests.support.meanwhile import meanwhile
from tests.support.peer import Peer

SDP = {"Content-Type": "application/sdp"}
PACKET_SECONDS = 0.02
RETRY_SECONDS = 0.2
STALLED_SECONDS = 2.0  # without media, until a client gives its session up
CONNECT_SECONDS = 3.0
CHECK_SECONDS = 5.0


class Timed(list[bytes]):
    """Packets of a session, and when they came; `times`, of all sessions of a client, is told, too."""

    def __init__(self, times: list[float]) -> None:
        super().__init__()
        self._times = times
        self.own_times: list[float] = []

    def append(self, packet: bytes) -> None:
        super().append(packet)
        self.own_times.append(time.monotonic())
        self._times.append(self.own_times[-1])


class RefusedError(Exception):
    """The offer was not answered with 201; `response` says why."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(response.status_code)
        self.response = response


async def open_session(http: httpx.AsyncClient, url: str, peer: Peer) -> httpx.Response:
    """Offer and connect; raises `RefusedError`, or `TimeoutError` when no media path is found."""
    response = await http.post(url, content=peer.offer(), headers=SDP)
    if response.status_code != 201:
        raise RefusedError(response)
    async with asyncio.timeout(CONNECT_SECONDS):
        await peer.connect(response.text)
    return response


@dataclass
class SessionLog:
    """One session of a client: who served it, and from when to when (steady clock)."""

    worker: str
    peer: Peer
    began: float
    ended: float = float("inf")


class Client:
    """What both have in common: the next endpoint to ask, answers seen, and how long they took.

    `endpoint` is asked for the URL of each try: so a client may go from one control process to another.
    """

    def __init__(self, http: httpx.AsyncClient, endpoint: Callable[[], str]) -> None:
        self.http = http
        self.endpoint = endpoint
        self.refusals: list[int] = []
        self.not_found_at: list[float] = []  # when 404 came, by the steady clock
        self.longest_request = 0.0
        self.session_url = ""
        self.log: list[SessionLog] = []

    @property
    def worker(self) -> str:
        """The id of the worker that has the session."""
        return self.session_url.rpartition("/")[2].partition(".")[0]

    async def open(self, peer: Peer) -> httpx.Response | None:
        """One try; None when it failed."""
        url = self.endpoint()
        try:
            response = await self._offer(url, peer)
            if response.status_code != 201:
                self.refusals.append(response.status_code)
                if response.status_code == 404:
                    self.not_found_at.append(time.monotonic())
            else:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await peer.connect(response.text)
                self.session_url = urljoin(url, response.headers["Location"])
                self.log.append(SessionLog(self.worker, peer, time.monotonic()))
                return response
        except httpx.TransportError:  # that control process is gone
            self.refusals.append(0)
        except (TimeoutError, DtlsError):  # the worker is gone
            pass
        peer.close(without_a_word=True)
        return None

    async def _offer(self, url: str, peer: Peer) -> httpx.Response:
        started = time.monotonic()
        try:
            return await self.http.post(url, content=peer.offer(), headers=SDP)
        finally:
            self.longest_request = max(self.longest_request, time.monotonic() - started)

    async def end_session(self, url: str, peer: Peer, *, without_a_word: bool = False) -> None:
        """By DELETE, or by falling silent."""
        self._ended(peer)
        if not without_a_word and not peer.closed:
            with contextlib.suppress(httpx.TransportError):
                await self.http.delete(url)
        peer.close(without_a_word=without_a_word)

    def _ended(self, peer: Peer) -> None:
        for session in self.log:
            if session.peer is peer:
                session.ended = min(session.ended, time.monotonic())


class Publisher(Client):
    """Publishes until cancelled; when the server ends its session, or is gone, it comes back."""

    sessions = 0
    peer: Peer | None = None

    async def run(self) -> None:
        while True:
            peer = Peer(publishes=True)
            if await self.open(peer) is None:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            self.peer = peer
            self.sessions += 1
            lost = False
            try:
                lost = not await self._send(peer)
            finally:
                self.peer = None
                await self.end_session(self.session_url, peer, without_a_word=lost)

    async def _send(self, peer: Peer) -> bool:
        """Send until the session is over: True when the server has said so."""
        checking = asyncio.create_task(_answers(peer))
        try:
            while not peer.closed and not checking.done():
                peer.send_media()
                await asyncio.sleep(PACKET_SECONDS)
        finally:
            checking.cancel()
        return peer.closed


async def _answers(peer: Peer) -> None:
    """Return when the server stops answering checks."""
    with contextlib.suppress(TimeoutError):
        while True:
            await peer.check(within=STALLED_SECONDS)
            await asyncio.sleep(1.0)


class Player(Client):
    """Plays until cancelled. `arrivals` are the times at which media came, whatever the session."""

    def __init__(self, http: httpx.AsyncClient, endpoint: Callable[[], str]) -> None:
        super().__init__(http, endpoint)
        self.peer: Peer | None = None  # of the session that plays
        self.arrivals: list[float] = []
        self.moves = 0
        self.sessions = 0

    def longest_gap(self, since: float, until: float) -> float:
        """Seconds without a packet, at most, between two times of the steady clock."""
        times = [since, *sorted(t for t in self.arrivals if since <= t <= until), until]
        return max(later - earlier for earlier, later in pairwise(times))

    async def run(self) -> None:
        current: _Playing | None = None
        try:
            while True:
                opened = await self._open()
                if opened is None:
                    if current is not None and current.is_over:
                        await self._leave(current)
                        current = None
                    await asyncio.sleep(RETRY_SECONDS)  # when it was asked to move: it stays meanwhile
                    continue
                if current is not None:
                    await self._leave(current)
                    self.moves += 1
                current, self.peer = opened, opened.peer
                await current.over.wait()
                if current.is_over:
                    await self._leave(current)
                    current = None
        finally:
            if current is not None:
                await self._leave(current)

    def assert_unbroken(self) -> None:
        """All packets of the latest session have come in order."""
        assert self.peer is not None
        for payload_type in (96, 111):
            numbers = [p.sequence for p in map(parse, self.peer.rtp) if p.payload_type == payload_type]
            assert numbers
            assert {(later - earlier) % 65536 for earlier, later in pairwise(numbers)} == {1}

    async def _open(self) -> "_Playing | None":
        """A session that plays, whatever becomes of the former."""
        peer = Peer(publishes=False)
        peer.rtp = Timed(self.arrivals)
        response = await self.open(peer)
        if response is None:
            return None
        self.sessions += 1
        playing = _Playing(peer, self.session_url)
        playing.tasks.append(asyncio.create_task(_watch(playing)))
        link = next(link for link in response.headers.get_list("link") if RELATION in link)
        url = urljoin(self.session_url, link[1 : link.index(">")])
        playing.tasks.append(asyncio.create_task(self._listen(playing, url)))
        deadline = time.monotonic() + CONNECT_SECONDS
        while not peer.rtp and time.monotonic() < deadline and not playing.over.is_set():
            await asyncio.sleep(0.01)
        return playing

    async def _listen(self, playing: "_Playing", url: str) -> None:
        """Until the server asks to move; listen anew when the control process is gone."""
        while True:
            try:
                async with self.http.stream("GET", url, timeout=None) as stream:
                    if stream.status_code == 404:
                        return  # the session is over
                    async for line in stream.aiter_lines():
                        if line == "event: reconnect":
                            playing.over.set()
                            return
            except httpx.TransportError:
                pass
            await asyncio.sleep(RETRY_SECONDS)
            url = urljoin(self.endpoint(), url[url.index("/api/") :])

    async def _leave(self, playing: "_Playing") -> None:
        for task in playing.tasks:
            task.cancel()
        await self.end_session(playing.url, playing.peer, without_a_word=playing.lost)


@dataclass(eq=False)
class _Playing:
    peer: Peer
    url: str
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)  # it ended, or its player is to move
    lost: bool = False  # the server does not answer

    @property
    def is_over(self) -> bool:
        return self.lost or self.peer.closed


async def _watch(playing: _Playing) -> None:
    """Until the session is over."""
    peer, checked, seen, heard = playing.peer, 0.0, 0, time.monotonic()
    while not peer.closed:
        now = time.monotonic()
        if len(peer.rtp) != seen:
            seen, heard = len(peer.rtp), now
        # for its consent, and because the room may be silent while its worker lives
        if now - checked > CHECK_SECONDS or now - heard > STALLED_SECONDS:
            try:
                await peer.check(within=STALLED_SECONDS)
            except TimeoutError:
                playing.lost = True
                break
            checked = heard = time.monotonic()
        await asyncio.sleep(PACKET_SECONDS)
    playing.over.set()


class Runs(Protocol):
    async def run(self) -> None: ...


def running(*clients: Runs) -> AbstractAsyncContextManager[None]:
    """Run them; a fault of one fails the test."""
    return meanwhile(*(client.run() for client in clients))
