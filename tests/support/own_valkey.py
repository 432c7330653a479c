"""A Valkey that a test, or a program of ours, starts and stops by itself."""

import subprocess
import time

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from deploy.tether import tethered
from deploy.valkey import EmbeddedValkey, begin_epoch

START_SECONDS = 10.0
STOP_SECONDS = 2.0


class OwnValkey(EmbeddedValkey):
    def __init__(self, port: int | None = None) -> None:
        super().__init__(port)
        self._process: subprocess.Popen[bytes] | None = None
        self._was_started = False

    def start(self) -> None:
        """Start it, and wait until it answers.

        Nobody can have claimed a room before the first start; after another one they may be lost.
        """
        self._process = process = subprocess.Popen(tethered(self.command), stdin=subprocess.PIPE)
        assert process.stdin
        process.stdin.write(self.config.encode())
        process.stdin.close()
        deadline = time.monotonic() + START_SECONDS
        with Redis.from_url(self.url, retry=Retry(NoBackoff(), 0), socket_timeout=1) as redis:
            while time.monotonic() < deadline and process.poll() is None:
                try:
                    redis.ping()
                except RedisError:
                    time.sleep(0.01)
                else:
                    if not self._was_started:
                        begin_epoch(redis)
                    self._was_started = True
                    return
        self.stop()
        raise RuntimeError(f"Valkey did not start on port {self.port}")

    def stop(self) -> None:
        """Stop it, by SIGKILL if necessary. Does nothing when it is not running."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
