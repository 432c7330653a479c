"""What a worker knows of its claims while Redis refuses writes."""

import pytest
from redis.asyncio import Redis

from shared.bus import keys
from shared.directory.claims import Claims, RoomLimits
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
