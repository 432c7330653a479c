"""What a worker knows of its claims while Redis refuses writes, and tells a Redis that has lost them."""

from typing import Any

import pytest
from redis.asyncio import Redis

from shared.bus import keys
from shared.directory.claims import _NEVER_MS, Claims, RoomLimits
from shared.names import RoomName, WorkerId

ONE = WorkerId("w1")
TTL = keys.CLAIM_TTL_MS / 1000
ROOMS = [RoomName(name) for name in ("just", "hardly", "silent", "unheard")]


def test_who_was_heard_until_redis_refused_writes_counts_as_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    claims = Claims(Redis(), RoomLimits())  # which it never asks
    ages = dict(zip(ROOMS, (0.0, TTL - 0.25, TTL), strict=False))
    claims._heard = {(ONE, room): 1000.0 - age for room, age in ages.items()}
    monkeypatch.setattr("shared.directory.claims.monotonic", lambda: 1000.0)
    claims.renewals(ROOMS)
    claims.refused(ROOMS, ONE)
    assert claims._heard == {(ONE, ROOMS[0]): 1000.0, (ONE, ROOMS[1]): 1000.0, (ONE, ROOMS[2]): 1000.0 - TTL}


async def test_who_claims_again_says_since_when_and_for_how_long_it_was_not_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    called: list[list[Any]] = []

    class Noted:
        def __init__(self, _: Redis) -> None: ...

        def call(self, _name: str, _keys: list[str], args: list[Any]) -> None:
            called.append(args)

        async def execute(self) -> list[Any]:
            return [[b"w1", b"", b"w1"]] * len(called)

    monkeypatch.setattr("shared.directory.claims.Batch", Noted)
    monkeypatch.setattr("shared.directory.claims.monotonic", lambda: 1000.0)
    claims = Claims(Redis(), RoomLimits())
    claims._since, claims._heard = {(ONE, ROOMS[0]): b"7"}, {(ONE, ROOMS[0]): 998.5}
    claims.renewals(ROOMS[:2])
    assert await claims.refresh(ROOMS[:2], ONE, [None, b"w2"]) == []
    assert called == [[ONE, keys.CLAIM_TTL_MS, b"7", 1500], [ONE, keys.CLAIM_TTL_MS, b"0", _NEVER_MS]]
    assert claims._heard == {(ONE, ROOMS[0]): 1000.0}
