"""Commands are packed as redis-py packs them."""

import pytest
from redis.asyncio.connection import Connection

from shared.bus.packing import Packing


class Packed(Packing, Connection):
    pass


COMMANDS = [
    ("PING",),
    ("SCRIPT LOAD", "return 1"),
    (b"GET", "key"),
    ("SET", "käse", b"\x00\r\n$5\xff", "PX", 1500),
    ("ZADD", "scores", 0.1, "one", -3, b""),
    ("SET", "large", b"x" * 100_000, "EX", 2**60),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command[0]))
def test_a_command(command: tuple[object, ...]) -> None:
    assert b"".join(Packed().pack_command(*command)) == b"".join(Connection().pack_command(*command))


def test_several_commands() -> None:
    assert b"".join(Packed().pack_commands(COMMANDS)) == b"".join(Connection().pack_commands(COMMANDS))


@pytest.mark.parametrize("value", [None, True, ["a"], object()])
def test_what_redis_does_not_store_is_a_fault(value: object) -> None:
    with pytest.raises(TypeError):
        Packed().pack_command("SET", "key", value)
