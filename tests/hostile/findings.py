"""What one stranger could do to others, each by itself: for a tree before a mend, and the one after it.

    unshare --net sh -c 'ip link set lo up && python -m tests.hostile.findings [NAME...]'

Prints a line for each. `tests.hostile.broken_decoder` has the decoders, and
`tests/integration/deploy/test_proxies.py` the logs of the proxies.
"""

import asyncio
import contextlib
import json
import resource
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import jwt

from deploy.valkey import EmbeddedValkey
from tests.support.free_ports import free_port
from tests.support.offers import PLAY_OFFER, PUBLISH_OFFER, post_offer
from tests.support.peer import Peer
from tests.support.system import System, running_system

SECRET = "a-secret-of-at-least-thirty-two-bytes"
STRANGER = "127.0.0.66"
PROXY = "127.0.0.67"
CHIEF = {"Authorization": "Bearer chief"}


def token(**claims: object) -> str:
    claims |= {"exp": int(time.time()) + 600}
    return jwt.PyJWS().encode(json.dumps(claims).encode(), SECRET, "HS256")


def from_address(address: str, connections: int = 100) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=connections)
    return httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(local_address=address, limits=limits), timeout=10
    )


async def connected(
    http: httpx.AsyncClient, url: str, credential: str = "", *, publishes: bool = False
) -> Peer:
    peer = Peer(publishes=publishes)
    answer = await post_offer(http, url, peer.offer(), credential or None)
    if answer.status_code != httpx.codes.CREATED:
        raise PermissionError(answer.status_code)
    return await peer.connect(answer.text)


@contextlib.asynccontextmanager
async def live(system: System, credential: str = "") -> AsyncIterator[Peer]:
    """A publisher that sends."""
    publisher = await connected(system.http, system.whip("demo"), credential, publishes=True)

    async def send() -> None:
        while True:
            publisher.send_media()
            await asyncio.sleep(0.02)

    sending = asyncio.create_task(send())
    try:
        yield publisher
    finally:
        sending.cancel()
        publisher.close(without_a_word=True)


async def identities(redis_url: str) -> str:
    """A user whose `sub` is a number is revoked; one without `sub` wants another one's silent room."""
    settings = {"JWT_SECRET": SECRET, "ADMIN_TOKEN": "chief"}
    async with running_system(redis_url, **settings) as system:
        http, base = system.http, system.controls[0].url
        before = await post_offer(http, system.whip("numbered"), PUBLISH_OFFER, token(sub=7))
        revoked = await http.post(f"{base}/api/admin/revocations", json={"subject": "7"}, headers=CHIEF)
        after = await post_offer(http, system.whip("other"), PUBLISH_OFFER, token(sub=7))
        silent = await connected(http, system.whip("demo"), token(jti="a"), publishes=True)
        silent.send_media()
        await asyncio.sleep(6)
        taken = await post_offer(http, system.whip("demo"), PUBLISH_OFFER, token(jti="b"))
        silent.close(without_a_word=True)
        return (
            f"sub=7 publishes: {before.status_code}; revocation: {revoked.status_code};"
            f" it publishes again: {after.status_code};"
            f" another one without sub takes the room: {taken.status_code}"
        )


async def seats(redis_url: str) -> str:
    """Two offers a second without media, at a room of 20 seats in which twelve come and go."""
    answers: Counter[str] = Counter()
    async with (
        running_system(redis_url, MAX_SUBS_PER_ROOM="20") as system,
        from_address(STRANGER) as stranger,
        live(system),
    ):
        url = system.whep("demo")

        async def flood() -> None:
            while True:
                answer = await post_offer(stranger, url, PLAY_OFFER)
                answers[f"stranger {answer.status_code}"] += 1
                await asyncio.sleep(0.5)

        async def honest() -> None:
            try:
                viewer = await connected(system.http, url)
            except PermissionError as refusal:
                answers[f"honest {refusal}"] += 1
                return
            answers["honest 201"] += 1
            await asyncio.sleep(6)
            viewer.close()

        flooding = asyncio.create_task(flood())
        await asyncio.sleep(8)
        async with asyncio.TaskGroup() as viewers:
            for _ in range(68):
                viewers.create_task(honest())
                await asyncio.sleep(0.5)
        flooding.cancel()
    return ", ".join(f"{answer}: {count}" for answer, count in sorted(answers.items()))


async def consent(redis_url: str) -> str:
    """A viewer's address has another owner, who answers nothing; one forged check comes each five seconds."""
    async with running_system(redis_url) as system, live(system):
        viewer = await connected(system.http, system.whep("demo"))
        await asyncio.sleep(1)
        viewer.proves_address = False
        began, latest, received = time.monotonic(), 0.0, len(viewer.rtp)
        while time.monotonic() - began < 60:
            viewer.send(bytes(viewer.new_check()))
            for _ in range(50):
                await asyncio.sleep(0.1)
                if len(viewer.rtp) > received:
                    received, latest = len(viewer.rtp), time.monotonic() - began
        viewer.close(without_a_word=True)
    return f"media came for {latest:.0f} of 60 s"


async def streams(redis_url: str) -> str:
    """One client behind a trusted proxy opens event streams until it gets no more; another one wants one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, most))
    async with running_system(redis_url, TRUSTED_PROXIES=PROXY) as system:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        url = f"{system.controls[0].url}/api/rooms/events"
        async with from_address(PROXY, 2000) as proxy, contextlib.AsyncExitStack() as stack:

            async def follow(client: str) -> int:
                request = proxy.build_request("GET", url, headers={"X-Forwarded-For": client})
                answer = await proxy.send(request, stream=True)
                stack.push_async_callback(answer.aclose)
                return answer.status_code

            taken = 0
            while await follow("203.0.113.1") == httpx.codes.OK and taken < 2000:
                taken += 1
            others = [await follow(f"203.0.113.{number}") for number in range(2, 22)]
    return f"one client has {taken} streams; 20 others got {dict(Counter(others))}"


FINDINGS: tuple[Callable[[str], Awaitable[str]], ...] = (identities, seats, consent, streams)


async def main() -> None:
    chosen = [each for each in FINDINGS if each.__name__ in sys.argv[1:] or not sys.argv[1:]]
    for finding in chosen:
        valkey = EmbeddedValkey(free_port())
        valkey.start()
        try:
            print(f"{finding.__name__}: {await finding(valkey.url)}", flush=True)
        finally:
            valkey.stop()


if __name__ == "__main__":
    asyncio.run(main())
