"""Where keys lie in Redis Cluster: all keys of one script in one slot."""

from redis.crc import key_slot

from shared.bus import keys
from shared.names import RoomName, WorkerId

ROOM, WORKER = RoomName("demo"), WorkerId("w1")


def slots(*names: str) -> set[int]:
    return {key_slot(name.encode()) for name in names}


def test_keys_that_one_script_uses_share_a_slot() -> None:
    assert len(slots(keys.WORKERS, keys.TAKES_PUBLISHERS, keys.TAKES_VIEWERS)) == 1
    assert len(slots(keys.ROOMS, keys.NETWORKS, keys.PUBLISHERS)) == 1
    assert len(slots(keys.worker_status(WORKER), keys.worker_rooms(WORKER))) == 1
    assert len(slots(keys.room_claim(ROOM), keys.room_copies(ROOM), keys.room_ended(ROOM))) == 1


def test_rooms_and_workers_are_spread_over_slots() -> None:
    assert len(slots(*(keys.room_claim(RoomName(f"r{n}")) for n in range(20)))) > 15
    assert len(slots(*(keys.worker_rooms(WorkerId(f"w{n}")) for n in range(20)))) > 15
