"""Whether the user in REDIS_URL may do all that Roomcast does: each command is tried, on keys of its own."""

import hashlib
import secrets

from redis.exceptions import NoPermissionError, RedisError

from deploy.doctor.finding import About, Finding
from shared.bus.connection import ShortCalls
from shared.bus.keys import PREFIX
from shared.bus.primary import CLUSTER_PREFIX
from shared.settings.redis_url import Kind, RedisUrl

ABOUT = About("redis rights")
LIFE_MS = 5_000  # of what the tries leave, if the last of them fails
_SCRIPT = "return 1"
_SCRIPT_SHA = hashlib.sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()


async def look(redis: ShortCalls, url: RedisUrl) -> Finding:
    user = url.user
    refused, other = await _refusals(redis, CLUSTER_PREFIX if url.kind is Kind.CLUSTER else PREFIX)
    if refused:
        return ABOUT.fail(
            f"the user {user} may not do all that Roomcast needs",
            f"ACL SETUSER {user} {' '.join(sorted(refused))}    (deploy/redis/users.acl has all rules)",
        )
    if other:
        return ABOUT.fail(f"Redis cannot do what Roomcast needs: {other}", "read its log")
    return ABOUT.ok(f"the user {user} may do all that Roomcast needs")


async def _refusals(redis: ShortCalls, keys: str) -> tuple[set[str], str]:
    """The rules that the user lacks, and the first other error, if there was one.

    `keys` is what the names of all keys begin with.
    """
    prefix = f"{PREFIX}doctor:{secrets.token_hex(8)}:"
    refused: set[str] = set()
    other = ""
    for commands in (cleaning(prefix), using(prefix), cleaning(prefix)):
        results = await redis.exchange(commands)
        for command, result in zip(commands, results, strict=True):
            if isinstance(result, NoPermissionError):
                refused.add(_rule(command, str(result), keys))
            elif isinstance(result, RedisError):
                other = other or f"{command[0]}: {type(result).__name__}"
        if refused & {"+del", "+expire", "+pexpire"}:  # what is written now would stay
            break
    return refused, other


_NAMES = ("string", "sorted", "hash", "list", "set", "stream")  # one key of each type


def cleaning(prefix: str) -> list[tuple[str | int, ...]]:
    names = [prefix + name for name in _NAMES]
    return [("DEL", *names), ("EXPIRE", names[0], 1), ("PEXPIRE", names[0], 1)]


def using(prefix: str) -> list[tuple[str | int, ...]]:
    """Every command of `shared/bus`, `control` and the scripts, on keys of their own that soon expire."""
    string, scored, hashed, queue, members, stream = (prefix + name for name in _NAMES)
    return [
        ("PING",),
        ("TIME",),
        ("INFO", "server"),
        ("SET", string, "1", "PX", LIFE_MS),
        ("GET", string),
        ("GETEX", string, "PX", LIFE_MS),
        ("MGET", string),
        ("EXISTS", string),
        ("ZADD", scored, 1, "one"),
        ("PEXPIRE", scored, LIFE_MS),
        ("ZCARD", scored),
        ("ZCOUNT", scored, "-inf", 0),
        ("ZSCORE", scored, "one"),
        ("ZINCRBY", scored, 1, "one"),
        ("ZRANDMEMBER", scored),
        ("ZRANGEBYLEX", scored, "-", "+"),
        ("ZRANGE", scored, 0, -1),
        ("ZRANGEBYSCORE", scored, "-inf", 0),
        ("ZREMRANGEBYRANK", scored, 8, 9),
        ("ZREMRANGEBYSCORE", scored, "-inf", 0),
        ("ZREM", scored, "another"),
        ("HSET", hashed, "field", "1"),
        ("HSETNX", hashed, "field", "1"),
        ("PEXPIRE", hashed, LIFE_MS),
        ("HGET", hashed, "field"),
        ("HINCRBY", hashed, "field", 1),
        ("HMGET", hashed, "field"),
        ("HSCAN", hashed, 0),
        ("HGETALL", hashed),
        ("HDEL", hashed, "another"),
        ("SADD", members, "one"),
        ("PEXPIRE", members, LIFE_MS),
        ("SMEMBERS", members),
        ("SREM", members, "another"),
        ("XADD", stream, "*", "field", "1"),
        ("PEXPIRE", stream, LIFE_MS),
        ("XRANGE", stream, "-", "+"),
        ("XREVRANGE", stream, "+", "-"),
        ("XLEN", stream),
        ("XDEL", stream, "1-1"),
        ("XGROUP CREATE", stream, "group", "$"),
        ("XREADGROUP", "GROUP", "group", "one", "COUNT", 1, "STREAMS", stream, ">"),
        ("XACK", stream, "group", "1-1"),
        ("XPENDING", stream, "group"),
        ("XINFO GROUPS", stream),
        ("RPUSH", queue, "1"),
        ("PEXPIRE", queue, LIFE_MS),
        ("LLEN", queue),
        ("LINDEX", queue, 0),
        ("LRANGE", queue, 0, -1),
        ("BLPOP", queue, "0.01"),
        ("SCRIPT LOAD", _SCRIPT),
        ("EVALSHA", _SCRIPT_SHA, 1, string),
        ("EVAL", _SCRIPT, 1, string),
    ]


def _rule(command: tuple[str | int, ...], refusal: str, keys: str) -> str:
    """The ACL rule that allows it. Redis names the command, or else the key, that it refuses."""
    if "command" not in refusal:
        return f"~{keys}*"
    return f"+{str(command[0]).lower().replace(' ', '|')}"
