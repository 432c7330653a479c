"""`roomcast slates`: stands by in all rooms whose settings name a slate, until a signal.

One process does it for a cluster. It asks the API which rooms those are, so it needs nothing but a token, and
goes on where it was after a restart. A second one beside it stands by nowhere where the first one does.
"""

import asyncio
import contextlib
import math
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import av
import httpx

from deploy.conform.client import reach_this_host
from deploy.slate import ANSWER_SECONDS, FAILURES, RefusedError, form_of, publish_once, until_signal

MOST_SLATES = 16  # at once: each of a picture takes a few percent of a core
MOST_ASKED = 200  # rooms about which is asked, each time
LOOK_SECONDS = 5.0
ALONE_SECONDS = 600.0  # viewers see a slate for so long when nobody else publishes; then the room ends
AGAIN_SECONDS = 10.0  # after a session that has ended


class RoomNow(NamedTuple):
    """What the API says of a room: publishers beside the one that is on, and whether that is a standby."""

    standbys: int
    standby_on: bool


@dataclass(slots=True)
class _Slate:
    file: str
    task: asyncio.Task[None]
    alone_since: float = math.inf
    ended_at: float = math.inf


class Slates:
    """Which slates run. `stand_by` publishes a file in a room, until its session ends or it is cancelled."""

    def __init__(self, stand_by: Callable[[str, str], Awaitable[None]]) -> None:
        self._stand_by = stand_by
        self._slates: dict[str, _Slate] = {}
        self._is_full = False

    def look(self, wanted: Mapping[str, str], rooms: Mapping[str, RoomNow], now: float) -> None:
        """Start and end slates. `wanted`: files by room. `rooms` are those that exist."""
        for room, slate in list(self._slates.items()):
            present = rooms.get(room)
            is_alone = present is not None and present.standby_on and not present.standbys
            slate.alone_since = min(slate.alone_since, now) if is_alone else math.inf
            slate.ended_at = min(slate.ended_at, now) if slate.task.done() else math.inf
            is_over = now - slate.alone_since >= ALONE_SECONDS or now - slate.ended_at >= AGAIN_SECONDS
            if wanted.get(room) != slate.file or is_over:
                slate.task.cancel()
                del self._slates[room]
        for room, file in wanted.items():
            present = rooms.get(room)
            if room in self._slates or present is None or present.standbys or present.standby_on:
                continue  # who stands by there may be a slate of ours that has lost its session
            if len(self._slates) >= MOST_SLATES:
                if not self._is_full:  # said once, and not with each look
                    print(f"slates: there are {MOST_SLATES}, so none in {room}", file=sys.stderr, flush=True)
                self._is_full = True
                return
            self._slates[room] = _Slate(file, asyncio.ensure_future(self._stand_by(room, file)))
        self._is_full = False

    def __len__(self) -> int:
        return len(self._slates)

    async def close(self) -> None:
        tasks = [slate.task for slate in self._slates.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def keep_all(
    base: str, admin: Callable[[], str], publisher: Callable[[str], str], folder: Path
) -> None:
    """Stand by wherever the settings say so, until cancelled. `admin` and `publisher` make tokens."""
    reach_this_host(base)

    async def stand_by(room: str, file: str) -> None:
        token = publisher(room)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            async with httpx.AsyncClient(headers=headers, timeout=ANSWER_SECONDS) as http:
                if (await form_of(http, base, room)).codecs:  # else it would open the room
                    print(f"{room}: {file} stands by.", flush=True)
                    await publish_once(http, base, room, folder / file, lambda: None, alone=True)
        except (*FAILURES, RefusedError, av.FFmpegError, OSError, IndexError) as error:
            print(f"slates: {room}: {file}: {error or 'no picture is in it'}", file=sys.stderr, flush=True)

    slates = Slates(stand_by)
    away = ""  # why the server did not answer last time; said once for each reason
    try:
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS) as http:
            while True:
                try:
                    wanted = await wanted_slates(http, base, admin())
                    slates.look(wanted, await rooms_now(http, base, wanted), time.monotonic())
                    away = ""
                except (httpx.HTTPError, ValueError, KeyError) as error:
                    if repr(error) != away:
                        print(f"slates: {base}: {error!r}", file=sys.stderr, flush=True)
                    away = repr(error)
                await asyncio.sleep(LOOK_SECONDS)
    finally:
        await slates.close()


async def wanted_slates(http: httpx.AsyncClient, base: str, token: str) -> dict[str, str]:
    """The files that the settings of rooms name, by room."""
    answer = await http.get(f"{base}/api/admin/rooms", headers={"Authorization": f"Bearer {token}"})
    answer.raise_for_status()
    rooms: list[dict[str, Any]] = answer.json()["rooms"]
    wanted = {room["room"]: room["slate"] for room in rooms if room.get("slate")}
    return dict(list(wanted.items())[:MOST_ASKED])


async def rooms_now(http: httpx.AsyncClient, base: str, names: Mapping[str, str]) -> dict[str, RoomNow]:
    """Of these rooms those that exist."""
    found = {}
    for name in names:
        answer = await http.get(f"{base}/api/rooms/{name}")
        if answer.is_success:
            facts = answer.json()
            found[name] = RoomNow(facts["standbys"], facts["standbyOn"])
    return found


def run(base: str, admin: Callable[[], str], publisher: Callable[[str], str], folder: Path) -> None:
    """Stand by until a signal."""
    print(f"Slates of {folder}. End it with Ctrl+C.", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(until_signal(keep_all(base.rstrip("/"), admin, publisher, folder)))
