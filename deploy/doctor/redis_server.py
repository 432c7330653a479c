"""Redis or Valkey: whether it answers, which server it is, its clock, its memory, our user's rights."""

import os
import re
import socket
import ssl
import subprocess
from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from deploy.doctor import redis_failover, redis_rights
from deploy.doctor.finding import About, Finding, Verdict
from deploy.doctor.part import Part
from deploy.valkey import server_program
from shared.bus.connection import connect
from shared.bus.primary import primary_of
from shared.bus.redis_clock import RedisClock
from shared.settings.redis_url import Kind, parse_redis_url
from shared.settings.setting_types import secret
from shared.settings.settings import Settings

SERVER, CLOCK, MEMORY = About("redis"), About("clock"), About("redis memory")
OLDEST = {"redis": (6, 2), "valkey": (7, 2)}
SKEW_SECONDS = 2.0  # beyond it the alert RoomcastClockWrong begins
FULL_SHARE = 0.9  # of the memory that it may use


async def look(settings: Settings, part: Part) -> list[Finding]:
    text = secret(settings.redis_url)
    if not text:
        return [
            _bundled()
            if part is Part.UP
            else SERVER.fail("REDIS_URL is not set", "REDIS_URL=redis://USER:PASSWORD@HOST:6379")
        ]
    url = parse_redis_url(text)
    about_failover = await redis_failover.look(url)
    if any(finding.verdict is Verdict.FAIL for finding in about_failover):
        return about_failover
    redis = connect(text)
    where = url.place
    try:
        try:
            where = await _place(text, where)
            await redis.ping()
        except NoPermissionError:  # it answers; the rights come later
            pass
        except (RedisError, OSError) as error:
            return [*about_failover, _unreachable(where, error)]
        about, writable = server(where, await _hello(redis), url.kind)
        findings = [about, await _clock(redis), memory(await _info(redis), url.user)]
        if writable:
            findings.append(await redis_rights.look(redis, url))
        return about_failover + findings
    finally:
        await redis.aclose()


def server(where: str, hello: Mapping[str, str], kind: Kind = Kind.SERVER) -> tuple[Finding, bool]:
    """What its answer to HELLO says, and whether Roomcast can write there. Empty: it knows no HELLO."""
    name, version = hello.get("server", "redis"), hello.get("version", "")
    title = f"{name.capitalize()} {version}".strip()
    mode = hello.get("mode", "standalone")
    if mode == "sentinel":
        return SERVER.fail(
            f"{title} at {where} is a Sentinel", f"REDIS_URL={Kind.SENTINEL}://HOST:PORT,HOST:PORT/NAME"
        ), False
    if mode == "cluster" and kind is not Kind.CLUSTER:
        return SERVER.fail(
            f"{title} at {where} is a node of a Redis Cluster",
            f"REDIS_URL={Kind.CLUSTER}://HOST:PORT,HOST:PORT",
        ), False
    if hello.get("role", "master") != "master":
        return SERVER.fail(
            f"{title} at {where} is a replica: nothing can be written",
            "name the primary in REDIS_URL, or its Sentinels",
        ), False
    oldest = OLDEST.get(name, OLDEST["redis"])
    known = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if known < oldest:
        wanted = " or ".join(
            f"{one.capitalize()} {'.'.join(map(str, least))}" for one, least in OLDEST.items()
        )
        return SERVER.fail(f"{title} at {where} is too old", f"{wanted}, or newer"), True
    return SERVER.ok(f"{title} answers at {where}"), True


async def _place(url: str, where: str) -> str:
    """The address of the primary, if it has to be found, or `where`. May raise `RedisError`."""
    primary = primary_of(url)
    return where if primary is None else str(await primary.find())


def clock(skew: float) -> Finding:
    """`skew`: seconds by which this host is ahead of Redis."""
    if abs(skew) <= SKEW_SECONDS:
        return CLOCK.ok(f"this host and Redis differ by {abs(skew):.3f} s")
    which = "ahead of" if skew > 0 else "behind"
    return CLOCK.warn(
        f"this host is {abs(skew):.1f} s {which} Redis: JWTs and TURN credentials end at the wrong time",
        "look at both with `timedatectl`, and mend NTP on the one that is wrong",
    )


def memory(info: Mapping[str, Any] | None, user: str) -> Finding:
    """What INFO shows of the memory; None if our user may not ask."""
    if info is None:
        return MEMORY.warn(
            "this user may not ask whether Redis throws keys away", f"ACL SETUSER {user} +info"
        )
    used, most, policy = (info.get(name) for name in ("used_memory", "maxmemory", "maxmemory_policy"))
    if used is None or most is None or (most and policy is None):  # as some providers' servers
        return MEMORY.warn(
            "this Redis does not say whether it throws keys away",
            "look at its provider's settings for maxmemory-policy: noeviction is needed",
        )
    if not most:
        return MEMORY.ok(f"no limit, {_mb(used)} in use")
    if policy != "noeviction":
        return MEMORY.fail(
            f"when its {_mb(most)} are full, Redis throws away rooms and workers (maxmemory-policy {policy})",
            "CONFIG SET maxmemory-policy noeviction    (and in its configuration)",
        )
    if used > FULL_SHARE * most:
        return MEMORY.fail(
            f"{_mb(used)} of {_mb(most)} are in use: soon it refuses offers", "CONFIG SET maxmemory 256mb"
        )
    return MEMORY.ok(f"{_mb(used)} of {_mb(most)} in use, and nothing is thrown away")


def _bundled() -> Finding:
    """Whether the Valkey that `roomcast up` starts can run here."""
    try:
        told = subprocess.run(  # noqa: S603
            [server_program(), "--version"], capture_output=True, text=True, timeout=5, check=True
        )
    except (ImportError, OSError, subprocess.SubprocessError) as error:
        return SERVER.fail(
            f"the bundled Valkey does not run here: {type(error).__name__}", "set REDIS_URL to another one"
        )
    version = re.search(r"v=(\S+)", told.stdout)
    return SERVER.ok(f"`roomcast up` starts the bundled Valkey {version[1] if version else ''}")


def _unreachable(where: str, error: Exception) -> Finding:
    if isinstance(error, AuthenticationError) or "NOAUTH" in str(error):
        return SERVER.fail(
            f"{where} refuses the user or the password", "the user and the password in REDIS_URL"
        )
    return SERVER.fail(
        f"{where} cannot be reached: {_reason(error.__cause__ or error.__context__ or error)}",
        "start it, or correct REDIS_URL (rediss:// is TLS); is a firewall between?",
    )


def _reason(cause: BaseException) -> str:
    """In the system's words: a library's text may hold more than we want to show."""
    if isinstance(cause, TimeoutError | RedisTimeoutError):
        return "no answer"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return cause.verify_message
    if isinstance(cause, socket.gaierror):
        return "its name is not known"
    if isinstance(cause, OSError) and cause.errno is not None:
        return os.strerror(cause.errno)
    return type(cause).__name__


async def _hello(redis: Redis) -> dict[str, str]:
    """Every user may ask this, whatever the rights."""
    try:
        answer = await redis.execute_command("HELLO")  # type: ignore[no-untyped-call]
    except ResponseError:  # before 6.0
        return {}
    return redis_failover.pairs_of(answer)


async def _clock(redis: Redis) -> Finding:
    reading = RedisClock(redis)
    try:
        await reading.read()
    except ResponseError:
        return CLOCK.fail("this user may not ask for Redis' time", "see redis rights")
    return clock(reading.skew())


async def _info(redis: Redis) -> Mapping[str, Any] | None:
    try:
        answer: Mapping[str, Any] = await redis.info("memory")
    except ResponseError:
        return None
    return answer


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f} MB"
