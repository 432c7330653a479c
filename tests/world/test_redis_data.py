"""The simulated Redis answers as a real server does: otherwise a seed that finds nothing says nothing."""

import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from tests.world.redis_data import CommandError, RedisData

COMMANDS = 3_000
ERROR = "an error"
NAMES = [b"a", b"b", b"c"]

# Each kind of key has commands of its own. What is in braces is drawn: a name, a number, an id of a stream.
PLAIN = """
del {key}|exists {key} {key}|expire {key} 100|pexpire {key} 90000|ping
"""
STRINGS = """
get {key}|set {key} {name}|set {key} {name} PX 90000|set {key} {name} EX 100|mget {key} {key}
getex {key} PX 80000
"""
HASHES = """
hset {key} {name} {number}|hset {key} {name} 1 {name} 2|hget {key} {name}|hmget {key} {name} {name}
hsetnx {key} {name} {number}|hincrby {key} n 3|hdel {key} {name} {name}|hdel {key} n
"""
SETS = "sadd {key} {name} {name}|srem {key} {name}|sadd {key} {name}"
LISTS = """
rpush {key} {name} {name}|lpop {key}|llen {key}|lindex {key} 0|lrange {key} 0 -1|lpop {key}|lrange {key} 1 2
"""
SCORES = """
zadd {key} {number} {name}|zadd {key} 1 {name} 2.5 {name}|zincrby {key} 1.5 {name}|zrem {key} {name}
zscore {key} {name}|zcard {key}|zcount {key} ({number} +inf|zrangebyscore {key} -inf {number}
zrangebyscore {key} ({number} +inf LIMIT 0 2|zremrangebyscore {key} -inf 1|zrange {key} 0 -1
zrange {key} -1 -1 WITHSCORES
"""
NAMES_ALONE = "zadd {key} 0 {name}|zrem {key} {name}|zrangebylex {key} [{name} ({name}"
# of one stream alone: two may have entries of the same id
STREAMS = """
xadd a MAXLEN = 5 * f {name}|xadd a * f {name} g {number}|xlen a|xgroup CREATE a {name} $ MKSTREAM
xreadgroup GROUP {name} control COUNT 2 STREAMS a >|xreadgroup GROUP {name} control COUNT 2 STREAMS a 0
xrange a - +|xrevrange a + - COUNT 1|xpending a {name}|xack a {name} {id}|xdel a {id}
xrange a ({id} + COUNT 2
"""
GROUPS = """
xadd a * f {name}|xgroup CREATE a {name} $ MKSTREAM|xinfo GROUPS a
xreadgroup GROUP {name} control COUNT 2 STREAMS a >|xreadgroup GROUP {name} control COUNT 2 STREAMS a 0
"""


@pytest.mark.parametrize("kind", [STRINGS, HASHES, SETS, LISTS, SCORES, NAMES_ALONE, STREAMS, GROUPS])
def test_both_answer_the_same(kind: str, redis_url: str) -> None:
    chance = random.Random(29)
    ours = RedisData(time.time, chance.sample)
    templates = [each for each in (kind + "|" + PLAIN).replace("\n", "|").split("|") if each]
    ids: dict[bytes, bytes] = {}  # of the real server -> ours
    with Redis.from_url(redis_url, protocol=2) as theirs:
        theirs.response_callbacks.clear()
        for _ in range(COMMANDS):
            words = _drawn(chance.choice(templates), chance, [*ids])
            own_words = [_own(word, ids) for word in words]
            real = _answer(lambda: theirs.execute_command(*words))  # noqa: B023
            own = _answer(lambda: ours.call(*own_words))  # noqa: B023
            if words == [b"del", b"a"]:  # a new stream may use an id again
                ids.clear()
            if words[0] == b"xadd":
                ids[real] = own
            if words[0] == b"xinfo" and real != ERROR:  # what nobody reads is left out
                real = [each[:8] for each in real]
                own = [each[:8] for each in own]
            assert own == _own(real, ids), words
        for key in NAMES:
            assert abs(theirs.pttl(key) - ours.call(b"pttl", key)) < 5_000


def _drawn(template: str, chance: random.Random, ids: list[bytes]) -> list[bytes]:
    words = []
    for word in template.split():
        text = word.encode()
        text = text.replace(b"{key}", chance.choice(NAMES)).replace(b"{name}", chance.choice(NAMES))
        text = text.replace(b"{number}", b"%d" % chance.randint(0, 4))
        words.append(text.replace(b"{id}", chance.choice(ids[-9:] or [b"1-0"])))
    return words


def _own(answer: Any, ids: dict[bytes, bytes]) -> Any:
    """The answer with our ids in the place of theirs."""
    if isinstance(answer, list):
        return [_own(part, ids) for part in answer]
    if isinstance(answer, bytes) and answer.startswith(b"("):
        return b"(" + _own(answer[1:], ids)
    return ids.get(answer, answer) if isinstance(answer, bytes) else answer


def _answer(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except (CommandError, ResponseError):
        return ERROR
