"""The Sentinels, or the Redis Cluster, in REDIS_URL: whether they answer, and a replica can take over."""

from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

from deploy.doctor.finding import About, Finding
from shared.bus.primary import ASK_SECONDS, SLOT
from shared.settings.host_port import HostPort
from shared.settings.redis_url import Kind, RedisUrl

SENTINELS, CLUSTER = About("redis sentinels"), About("redis cluster")
LEAST_SENTINELS = 3  # two remain as a majority when one dies together with the primary
SLOW_MS = 5_000  # until a primary is given up


async def look(url: RedisUrl) -> list[Finding]:
    """Nothing about a server that stands alone."""
    if url.kind is Kind.SERVER:
        return []
    command = ("SENTINEL", "MASTER", url.primary) if url.kind is Kind.SENTINEL else ("CLUSTER", "SLOTS")
    answers = [await _ask(url, host, *command) for host in url.hosts]
    return [sentinels(url, answers) if url.kind is Kind.SENTINEL else cluster(url, answers)]


async def _ask(url: RedisUrl, host: HostPort, *command: str) -> Any:
    """The answer, or the error."""
    options = url.sentinel_options if url.kind is Kind.SENTINEL else url.options
    redis = Redis(
        host=host.host,
        port=host.port,
        ssl=url.tls,
        socket_timeout=ASK_SECONDS,
        socket_connect_timeout=ASK_SECONDS,
        retry=Retry(NoBackoff(), 0),
        **options,
    )
    try:
        return await redis.execute_command(*command)  # type: ignore[no-untyped-call]
    except (RedisError, OSError) as error:
        return error
    finally:
        await redis.aclose()


def sentinels(url: RedisUrl, answers: list[Any]) -> Finding:
    """What the answers of all Sentinels to SENTINEL MASTER show."""
    known = [pairs_of(answer) for answer in answers if not isinstance(answer, Exception)]
    if not known:
        return SENTINELS.fail(*_nobody(url, answers))
    told, silent = known[0], len(answers) - len(known)
    if silent:
        return SENTINELS.warn(f"{silent} of {len(answers)} do not answer for {url.primary}", "start them")
    if int(told["num-other-sentinels"]) + 1 < LEAST_SENTINELS:
        return SENTINELS.warn(
            "there are fewer than three: if one dies with the primary, nobody takes over", "start more"
        )
    if not int(told["num-slaves"]):
        return SENTINELS.warn(f"{url.primary} has no replica that could take over", "start a replica, or two")
    if int(told["down-after-milliseconds"]) > SLOW_MS:
        seconds = int(told["down-after-milliseconds"]) / 1000
        return SENTINELS.warn(
            f"they give a primary up after {seconds:g} s, and so long offers are refused",
            f"SENTINEL SET {url.primary} down-after-milliseconds 2000    (on each)",
        )
    return SENTINELS.ok(f"{len(known)} answer, and {url.primary} has {told['num-slaves']} replicas")


def cluster(url: RedisUrl, answers: list[Any]) -> Finding:
    """What the answers of all named nodes to CLUSTER SLOTS show."""
    known = [answer for answer in answers if not isinstance(answer, Exception)]
    if not known:
        return CLUSTER.fail(*_nobody(url, answers))
    ours = [nodes for first, last, *nodes in known[0] if first <= SLOT <= last]
    if not ours:
        return CLUSTER.fail(f"no node has slot {SLOT}", "redis-cli --cluster fix HOST:PORT")
    if len(ours[0]) < 2:
        return CLUSTER.warn(
            f"no replica can take over the primary of slot {SLOT}, in which all keys of Roomcast are",
            "add a replica of it",
        )
    if silent := len(answers) - len(known):
        return CLUSTER.warn(f"{silent} of {len(answers)} nodes in REDIS_URL do not answer", "start them")
    return CLUSTER.ok(f"{len(known)} nodes answer, and the primary of slot {SLOT} has a replica")


def _nobody(url: RedisUrl, answers: list[Any]) -> tuple[str, str]:
    """What is found, and what mends it, when every answer is an error."""
    where, error = url.place, answers[0]
    if isinstance(error, NoPermissionError):
        rule = "+sentinel|master +sentinel|get-master-addr-by-name" if url.primary else "+cluster|slots"
        return f"{where}: the user may not ask where the primary is", f"ACL SETUSER {url.user} {rule}"
    if isinstance(error, AuthenticationError) or "NOAUTH" in str(error):
        return f"{where}: the user or the password is refused", (
            "?sentinel_password=… in REDIS_URL is for the Sentinels" if url.primary else "correct REDIS_URL"
        )
    if isinstance(error, ResponseError) and "unknown command" in str(error):
        return f"{where} is no Sentinel", "redis://HOST:PORT, or the port of the Sentinels: 26379"
    if isinstance(error, ResponseError) and url.primary:
        return f"{where}: no primary is called {url.primary}", "SENTINEL MASTERS shows the names"
    if isinstance(error, ResponseError):
        return (
            f"{where} is no Redis Cluster",
            "redis://HOST:PORT, or redis+sentinel://HOST:PORT,HOST:PORT/NAME",
        )
    return f"nobody answers at {where}", "start them, or correct REDIS_URL (rediss+… is TLS)"


def pairs_of(answer: Any) -> dict[str, str]:
    """A map of Redis, which is a list of names and values without RESP3, as texts."""
    pairs = answer.items() if isinstance(answer, dict) else zip(answer[::2], answer[1::2], strict=True)
    return {_text(name): _text(value) for name, value in pairs}


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
