"""A system that operators moderate: two replicas, two workers, JWTs and an admin token."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import jwt

from tests.integration.cluster.stage import ADMIN
from tests.support.offers import PUBLISH_OFFER, post_offer
from tests.support.system import System, running_system

SECRET = "a-secret-of-at-least-thirty-two-bytes"
SOON = 2.0  # what the issue promises for sessions of a revoked token


def token(**claims: object) -> str:
    return jwt.encode({"exp": int(time.time()) + 600, "iat": int(time.time()), **claims}, SECRET, "HS256")


@asynccontextmanager
async def moderated(redis_url: str, controls: int = 2, **more: str) -> AsyncIterator[System]:
    settings = {"ADMIN_TOKEN": "chief", "JWT_SECRET": SECRET} | more
    async with running_system(redis_url, controls=controls, workers=2, **settings) as system:
        yield system


async def ask(
    system: System, method: str, path: str, control: int = 0, headers: dict[str, str] = ADMIN, **more: object
) -> httpx.Response:
    url = f"{system.controls[control].url}/api/admin/{path}"
    return await system.http.request(method, url, headers=headers, **more)  # type: ignore[arg-type]


async def block(system: System, room: str, seconds: float = 60, control: int = 0, **more: object) -> float:
    """Block a room; returns when the answer came."""
    body = {"block": seconds, **more}
    answer = await ask(system, "POST", f"rooms/{room}/close", control, json=body)
    assert answer.status_code == 200, answer.text
    return time.monotonic()


def worker_of(session_url: str) -> str:
    return session_url.rpartition("/")[2].partition(".")[0]


async def status_of(system: System, room: str, control: int = 0, **claims: object) -> int:
    answer = await post_offer(system.http, system.whip(room, control), PUBLISH_OFFER, token(**claims))
    return answer.status_code


async def ready(system: System) -> bool:
    try:
        answers = [await system.http.get(f"{member.url}/readyz") for member in system.controls]
    except httpx.TransportError:
        return False
    return all(answer.is_success for answer in answers)
