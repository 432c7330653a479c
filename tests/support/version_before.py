"""The version before in Redis: what its workers wrote and its control processes read.

Copied from that version's own code, and to be dropped together with `shared/messages/version_before.py`.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from redis.asyncio import Redis

from shared.messages.encoding import from_map, unpack

FIXTURES = Path(__file__).parents[1] / "fixtures" / "version_before"
Count = Annotated[int, Field(ge=0)]


def stored(name: str) -> bytes:
    """A message, as that version packed it."""
    return (FIXTURES / f"{name}.msgpack").read_bytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerStatusBefore:
    rid: str
    bitrate: Count = 0
    width: Count = 0
    height: Count = 0
    viewers: Count = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomStatusBefore:
    name: str
    has_publisher: bool
    tracks: Count
    subscribers: Count
    codecs: tuple[str, ...] = ()
    bitrate: Count = 0
    started_at: float = 0.0
    rx_bytes: Count = 0
    rx_packets: Count = 0
    warnings: tuple[str, ...] = ()
    layers: tuple[LayerStatusBefore, ...] = ()
    viewers_by_reason: dict[str, Count] = field(default_factory=dict)
    origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatusBefore:
    id: str
    state: str
    http_url: str
    load: float = 0.0
    egress_packets: float = 0.0
    sessions: Count = 0
    viewers: Count = 0
    takes_publishers: bool = True
    takes_viewers: bool = True
    drains_from: float = 0.0
    drains_until: float = 0.0
    rooms: tuple[RoomStatusBefore, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestBefore:
    id: str
    op: str
    reply_to: str
    deadline: float
    request_id: str
    body: dict[str, Any]


async def workers_before(redis: Redis) -> list[WorkerStatusBefore]:
    """All that a control process of the version before knew of workers and rooms."""
    ids = [worker.decode() for worker in await redis.zrange("roomcast:workers", 0, -1)]
    blobs = await redis.mget([f"roomcast:worker:{worker}" for worker in ids]) if ids else []
    return [from_map(WorkerStatusBefore, unpack(blob)) for blob in blobs if blob is not None]


async def beat_before(redis: Redis, status: bytes, worker: str, *rooms: str, holds_id: bool = True) -> None:
    """What a heartbeat of the version before left in Redis; `holds_id`: not yet at bd7d3b1."""
    seconds, _ = await redis.time()
    if holds_id:
        await redis.set(f"roomcast:process:{worker}", "a process", px=3_000)
    await redis.set(f"roomcast:worker:{worker}", status, px=5_000)
    await redis.zadd("roomcast:workers", {worker: seconds})
    for room in rooms:
        await redis.set(f"roomcast:room:{room}", worker, px=4_000)
        await redis.zadd("roomcast:rooms", {room: seconds * 1000 + 4_000})
