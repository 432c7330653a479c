"""A system for one foreign client, and what the server knows of its sessions."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from tests.support.overheard import Overheard, overheard
from tests.support.system import System, routable_address, running_system
from tests.support.waiting import eventually

LISTED_SECONDS = 10.0
ADMIN = "chief"

Direction = Literal["publishes", "plays"]
_ROLES: dict[Direction, str] = {"publishes": "publish", "plays": "play"}


@dataclass(frozen=True)
class Seen:
    """How the server has seen a client's session."""

    codecs: tuple[str, ...]  # as in their RFCs
    dtls: str  # the client's role: "client" or "server"
    transport: str


@dataclass(frozen=True)
class ClientStage:
    """`url`, `whip` and `whep` are for the client under test: what it says there is overheard."""

    system: System
    heard: Overheard

    @property
    def url(self) -> str:
        return self.heard.url

    def whip(self, room: str) -> str:
        return f"{self.url}/api/whip/publish/{room}"

    def whep(self, room: str) -> str:
        return f"{self.url}/api/whep/play/{room}"

    async def seen(self, room: str, direction: Direction) -> Seen:
        """The client's session in `room`, when media has passed."""

        async def session() -> dict[str, Any] | None:
            listed = await self.system.http.get(
                f"{self.system.controls[0].url}/api/admin/sessions?room={room}",
                headers={"Authorization": f"Bearer {ADMIN}"},
            )
            found = [s for s in listed.json()["sessions"] if s["role"] == _ROLES[direction] and s["packets"]]
            return found[0] if found else None

        status = await eventually(f"somebody {direction} {room}", session, LISTED_SECONDS)
        path = urlsplit(self.whip(room) if direction == "publishes" else self.whep(room)).path
        family = "IPv6" if status["address"].startswith("[") else "IPv4"
        return Seen(
            codecs=tuple(sorted(status["codecs"])),
            dtls={"passive": "client", "active": "server"}[self.heard.setup(path)],
            transport=f"{status['transport'].upper()}, {family}",
        )


@contextlib.asynccontextmanager
async def client_stage(redis_url: str, **settings: Any) -> AsyncIterator[ClientStage]:
    """Media flows over an address that is not loopback, which some ICE libraries do not use."""
    with routable_address() as address:
        async with (
            running_system(redis_url, media_ip=address, ADMIN_TOKEN=ADMIN, **settings) as system,
            overheard(system.controls[0].url) as heard,
        ):
            yield ClientStage(system, heard)
