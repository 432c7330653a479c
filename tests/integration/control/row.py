"""A row of the HTTP contract as data: a request, the situation, and the response that it must get."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from control.events.stream_names import StreamNames
from control.http.bodies import FRAGMENT_TYPE, MAX_BODY_BYTES
from control.webhooks.receiver import receivers_of
from control.workers.redis_watch import RedisWatch
from shared.bus import keys
from shared.bus.connection import connect
from shared.bus.redis_clock import RedisClock
from shared.errors import ErrorCode, ServiceError
from shared.messages.room_settings import RoomSettings
from shared.messages.rulings import Block, Revocation, Ruling
from shared.names import SessionId
from shared.room_settings.settings_book import SettingsBook
from shared.rulings.ruling_book import RulingBook
from tests.integration.control.scripted_worker import ScriptedWorker
from tests.unit.control.webhooks.test_message import FIELDS

WHIP = "/api/whip/publish"
WHEP = "/api/whep/play"
SESSION = "w1.AAAAAAAAAAAAAAAAAAAAAA"
RECORD = "demo_1710123456.webm"
STREAM = "airv-AAAAAAAAAAA"
# for the path of each operation
PARAMETERS = {
    **{"room": "demo", "session": SESSION, "stream": STREAM, "name": RECORD, "path": "nothing.js"},
    **{"worker": "w1", "revocation": "r", "letter": "1-1"},
}
SDP = {"Content-Type": "application/sdp"}
JSON = {"Content-Type": "application/json"}
FRAGMENT = {"Content-Type": FRAGMENT_TYPE}
TOKENS = {"auth_token": "secret-of-all"}
WRONG_TOKEN = {"Authorization": "Bearer wrong"}
ADMIN: dict[str, Any] = {
    "settings": {"admin_token": "secret-of-admin", "viewer_reports": True},
    "headers": {"Authorization": "Bearer secret-of-admin"},
}
HOOK = "http://127.0.0.1:9/hook"  # where no webhook may go
TOO_LARGE = b"v" * (MAX_BODY_BYTES + 1)


@dataclass(frozen=True)
class Row:
    """`promise` is the test's name; `ask` is method and path; `error` is the message of the body."""

    promise: str
    ask: str
    status: int
    error: str | None = None  # where the description has several
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    settings: Mapping[str, Any] = field(default_factory=dict)
    answers: Mapping[type, Any] = field(default_factory=dict)  # what the worker says
    published: str = ""  # a room that the worker w1 has
    recorded: str = ""  # the name of a recording that there is
    stream: str = ""  # the name of an event stream of SESSION that there is
    configured: str = ""  # a room for which something is set: it is recorded
    blocked: str = ""  # a room that an operator has blocked
    revoked: str = ""  # the jti of JWTs that an operator has revoked
    dead_letter: str = ""  # the id of a webhook that was given up
    worker: bool = True  # whether there is a worker at all

    @property
    def method(self) -> str:
        return self.ask.partition(" ")[0]

    @property
    def path(self) -> str:
        return self.ask.partition(" ")[2]

    @property
    def changes_nothing(self) -> bool:
        """Whether the request is refused or only reads, and needs nothing but a worker that has nothing."""
        has_given = self.answers or self.published or self.recorded or self.stream
        has_ruled = self.configured or self.blocked or self.revoked or self.dead_letter
        only_reads = self.method in ("GET", "HEAD", "OPTIONS") or 400 <= self.status < 500
        return self.worker and not has_given and not has_ruled and only_reads

    async def send(self, http: httpx.AsyncClient) -> httpx.Response:
        """The response, read unless it is a stream of events, which has no end."""
        request = http.build_request(self.method, self.path, headers=self.headers, content=self.body)
        response = await http.send(request, stream=True)
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            await response.aread()
        await response.aclose()
        return response

    def settings_with(self, record_dir: Path) -> dict[str, Any]:
        return {"record_dir": str(record_dir), **self.settings}

    async def set_up(self, worker: ScriptedWorker, record_dir: Path) -> None:
        for file in record_dir.iterdir():  # of the row before
            file.unlink()
        if self.recorded:
            (record_dir / self.recorded).write_bytes(b"0123456789")
        worker.answers.update(self.answers)
        if self.published:
            await worker.publish_in(self.published)
        async with connect(worker.redis_url) as redis:
            clock, until = RedisClock(redis), time.time() + 60
            rulings: list[Ruling] = [Block(room=self.blocked, until=until)] if self.blocked else []
            rulings += [Revocation(jti=self.revoked, until=until)] if self.revoked else []
            for ruling in rulings:
                await RulingBook(redis, clock).put(ruling)
            if self.configured:
                settings = RoomSettings(room=self.configured, seats=7, recorded=True)
                await SettingsBook(redis, clock).put(settings)
            if self.dead_letter:
                to = receivers_of([HOOK])[0].group
                await redis.xadd(keys.DEAD_LETTERS, {**FIELDS, "to": to}, self.dead_letter)
            if self.stream:
                await StreamNames(redis, clock, RedisWatch(redis)).add(SessionId(SESSION), self.stream)


def refuses(kind: type, code: ErrorCode, message: str | None = None) -> dict[str, Any]:
    """The worker refuses this kind of request."""
    return {"answers": {kind: ServiceError(code, message)}}


def fails(kind: type) -> dict[str, Any]:
    """The worker fails at it in a way that nobody foresaw."""
    return {"answers": {kind: KeyError("bug")}}
