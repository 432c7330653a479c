"""The services of others that control relies on: whether they answer this host."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import urlsplit

from control.access.jwt_keys import KeysError
from control.access.key_set import KeySet
from deploy.doctor.addresses import opened
from deploy.doctor.finding import About, Finding
from deploy.doctor.part import Part
from media.transport.stun_client import mappings_of
from shared.settings.host_port import HostPort
from shared.settings.setting_types import secret
from shared.settings.settings import Settings

KEY_SET, CALLBACK, TURN = About("JWT_JWKS_URL"), About("AUTH_URL"), About("TURN")
SECONDS = 2.0  # the time that a service has for its answer
TURN_PORT, TURNS_PORT = 3478, 5349  # RFC 7065 3.2


async def look(settings: Settings, part: Part) -> list[Finding]:
    if not part.has_control:
        return []
    looks: list[Callable[[], Awaitable[Finding]]] = []
    if settings.jwt_jwks_url:
        looks.append(partial(key_set, settings.jwt_jwks_url))
    if secret(settings.auth_url):
        looks.append(partial(callback, secret(settings.auth_url)))
    looks += [partial(turn, url) for url in settings.turn_urls]
    return list(await asyncio.gather(*(each() for each in looks)))


async def key_set(url: str) -> Finding:
    keys = KeySet(url)
    try:
        async with asyncio.timeout(SECONDS):
            found = await keys.fetch()
    except (KeysError, TimeoutError) as error:
        return KEY_SET.fail(
            f"its keys cannot be fetched: {error or 'no answer'}", "until they can, no JWT of theirs is taken"
        )
    finally:
        await keys.close()
    return KEY_SET.ok(f"it has {len(found)} keys")


async def callback(url: str) -> Finding:
    """Whether somebody listens there. Nothing is asked: that would be an offer. The whole URL is a secret."""
    parts = urlsplit(url)
    at = HostPort(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    if await _listens(at):
        return CALLBACK.ok("somebody listens there")
    return CALLBACK.fail("nobody answers there: every offer gets 503", "let this host reach it")


async def turn(url: str) -> Finding:
    """Whether a TURN server answers: over UDP a binding request (RFC 8489), which needs no credentials."""
    scheme, _, rest = url.partition(":")
    where, _, query = rest.partition("?")
    parts = urlsplit(f"//{where}")
    at = HostPort(parts.hostname or "", parts.port or (TURNS_PORT if scheme == "turns" else TURN_PORT))
    is_udp = scheme == "turn" and query != "transport=tcp"
    if await (_answers(at) if is_udp else _listens(at)):
        return TURN.ok(f"{at} answers")
    return TURN.warn(
        f"{at} does not answer this host over {'UDP' if is_udp else 'TCP'}", "see whether clients reach it"
    )


async def _listens(at: HostPort) -> bool:
    try:
        async with asyncio.timeout(SECONDS):
            _, writer = await asyncio.open_connection(at.host, at.port)
    except (OSError, TimeoutError, UnicodeError):
        return False
    writer.close()
    return True


async def _answers(at: HostPort) -> bool:
    with opened(HostPort("", 0)) as ports:
        return any(mapping.is_known for mapping in await mappings_of(ports, [at], SECONDS))
