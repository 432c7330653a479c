"""Light clients over the whole system: sessions by HTTP, media by `Peer`.

A publisher and a player that come back whenever they are cut off. The player follows `reconnect`, without a
gap of its own making: it ends a session when the next one plays.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from urllib.parse import urljoin

import httpx

from control.room_events import RELATION
from tests.support.peer import Peer

SDP = {"Content-Type": "application/sdp"}
PACKET_SECONDS = 0.02
RETRY_SECONDS = 0.2
STALLED_SECONDS = 2.0  # without media, before a client takes its session for lost
CONNECT_SECONDS = 3.0
CHECK_SECONDS = 5.0


class Timed(list[bytes]):
    """Packets, with the time at which each arrived."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def append(self, packet: bytes) -> None:
        super().append(packet)
        self.times.append(time.monotonic())


class RefusedError(Exception):
    """The offer was not answered with 201; `response` says why."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(response.status_code)
        self.response = response


async def open_session(http: httpx.AsyncClient, url: str, peer: Peer) -> httpx.Response:
    """Offer and connect; raises `RefusedError`, or `TimeoutError` when no media path comes about."""
    response = await http.post(url, content=peer.offer(), headers=SDP)
    if response.status_code != 201:
        raise RefusedError(response)
    async with asyncio.timeout(CONNECT_SECONDS):
        await peer.connect(response.text)
    return response


class Client:
    """What both have in common: the next endpoint to ask, answers seen, and how long they took.

    `endpoint` is asked for the URL of each try: so a client may go from one control process to another.
    """

    def __init__(self, http: httpx.AsyncClient, endpoint: Callable[[], str]) -> None:
        self.http = http
        self.endpoint = endpoint
        self.refusals: list[int] = []
        self.longest_request = 0.0
        self.session_url = ""

    @property
    def worker(self) -> str:
        """The id of the worker that has the session."""
        return self.session_url.rpartition("/")[2].partition(".")[0]

    async def open(self, peer: Peer) -> httpx.Response | None:
        """One try; None when it failed."""
        url, started = self.endpoint(), time.monotonic()
        response = None
        try:
            response = await open_session(self.http, url, peer)
        except RefusedError as error:
            self.refusals.append(error.response.status_code)
        except httpx.TransportError:  # that control process is gone
            self.refusals.append(0)
        except TimeoutError:  # the worker is gone
            pass
        finally:
            self.longest_request = max(self.longest_request, self.http_seconds(started))
        if response is None:
            peer.close(without_a_word=True)
            return None
        self.session_url = urljoin(url, response.headers["Location"])
        return response

    def http_seconds(self, started: float) -> float:
        return time.monotonic() - started


class Publisher(Client):
    """Publishes until cancelled; when the server ends its session it comes back at once."""

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
            try:
                checked = heard = time.monotonic()
                while not peer.closed and time.monotonic() - heard < STALLED_SECONDS:
                    peer.send_media()
                    if time.monotonic() - checked >= 0.5:
                        checked = time.monotonic()
                        with contextlib.suppress(TimeoutError):
                            await peer.check(within=0.5)
                            heard = time.monotonic()
                    await asyncio.sleep(PACKET_SECONDS)
            finally:
                self.peer = None
                peer.close(without_a_word=not peer.closed)


class Player(Client):
    """Plays until cancelled. `arrivals` are the times at which media came, whatever the session."""

    def __init__(self, http: httpx.AsyncClient, endpoint: Callable[[], str], *, follows: bool = True) -> None:
        super().__init__(http, endpoint)
        self.peer: Peer | None = None  # of the session that plays
        self.arrivals: list[float] = []
        self.moves = 0
        self.sessions = 0
        self._follows = follows

    def longest_gap(self, since: float, until: float) -> float:
        """Seconds without a packet, at most, between two times of the steady clock."""
        times = [since, *sorted(t for t in self.arrivals if since <= t <= until), until]
        return max(later - earlier for earlier, later in pairwise(times))

    async def run(self) -> None:
        current: tuple[Peer, asyncio.Task[None] | None, str] | None = None
        try:
            while True:
                opened = await self._open()
                if opened is None:
                    await asyncio.sleep(RETRY_SECONDS)  # when it was asked to move: it stays meanwhile
                    continue
                if current is not None:
                    await self._leave(current)
                    self.moves += 1
                current = opened
                self.peer = opened[0]
                if not await self._watch(current):
                    await self._leave(current, without_a_word=True)
                    current = None
        finally:
            if current is not None:
                current[0].close()
                if current[1] is not None:
                    current[1].cancel()

    async def _open(self) -> tuple[Peer, asyncio.Task[None] | None, str] | None:
        peer = Peer(publishes=False)
        packets = Timed()
        packets.times = self.arrivals
        peer.rtp = packets
        response = await self.open(peer)
        if response is None:
            return None
        self.sessions += 1
        listening = None
        if self._follows:
            link = next(link for link in response.headers.get_list("link") if RELATION in link)
            url = urljoin(self.session_url, link[1 : link.index(">")])
            listening = asyncio.create_task(self._asked_to_move(url))
        # the new one plays before the old one is left
        deadline = time.monotonic() + CONNECT_SECONDS
        while not peer.rtp and time.monotonic() < deadline and not peer.closed:
            await asyncio.sleep(0.01)
        return peer, listening, self.session_url

    async def _watch(self, current: tuple[Peer, asyncio.Task[None] | None, str]) -> bool:
        """True when the player is to move; False when the session is over."""
        peer, listening, _ = current
        checked = time.monotonic()
        while not peer.closed:
            if time.monotonic() - checked > CHECK_SECONDS:  # its consent, or the session expires
                checked = time.monotonic()
                with contextlib.suppress(TimeoutError):
                    await peer.check(within=0.5)
            if listening is not None and listening.done() and not listening.cancelled():
                if listening.exception() is None:
                    return True
                listening = None
            seen, stalled_at = len(peer.rtp), time.monotonic() + STALLED_SECONDS
            while len(peer.rtp) == seen and not peer.closed:
                if listening is not None and listening.done():
                    break
                if time.monotonic() > stalled_at:
                    try:
                        await peer.check(within=0.5)  # the room may be silent, while its worker lives
                    except TimeoutError:
                        return False
                    break
                await asyncio.sleep(PACKET_SECONDS)
        return False

    async def _asked_to_move(self, url: str) -> None:
        """Return when the server asks for it; listen anew when the control process is gone."""
        while True:
            try:
                async with self.http.stream("GET", url, timeout=None) as stream:
                    if stream.status_code == 404:
                        await asyncio.Event().wait()  # the session is over
                    async for line in stream.aiter_lines():
                        if line == "event: reconnect":
                            return
            except httpx.TransportError:
                pass
            await asyncio.sleep(RETRY_SECONDS)
            base = self.endpoint()
            url = urljoin(base, url[url.index("/api/") :])

    async def _leave(
        self, session: tuple[Peer, asyncio.Task[None] | None, str], *, without_a_word: bool = False
    ) -> None:
        peer, listening, url = session
        if listening is not None:
            listening.cancel()
        if not without_a_word:
            with contextlib.suppress(httpx.TransportError):
                await self.http.delete(url)
        peer.close(without_a_word=without_a_word)


@asynccontextmanager
async def running(*clients: Publisher | Player) -> AsyncIterator[None]:
    """Let them run; a fault of one is a failure."""
    tasks = [asyncio.create_task(client.run()) for client in clients]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
