"""Starts processes of Roomcast by fork, from one that has imported everything: a start costs 20 ms of CPU.

Run as a script it is that server. It reads a request a line and answers each with a line, both JSON:
`{"start": [ARGUMENTS, ENVIRONMENT, LOG]}` with the process ID, `{"status": PID}` with the exit code or null.
"""

import atexit
import functools
import importlib
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deploy.tether import tethered, tie_to_parent
from tests.support.loop_watch import watch

ROOT = Path(__file__).parents[2]
POLL_SECONDS = 0.02
PRELOADED = ("control.server", "media.worker.process", "deploy.commands", "deploy.cli")


class Forked:
    """One process. It has the part of `subprocess.Popen` that the tests use."""

    def __init__(self, server: "ForkServer", pid: int) -> None:
        self.pid = pid
        self._server = server
        self._returncode: int | None = None

    def poll(self) -> int | None:
        if self._returncode is None:
            self._returncode = self._server.ask({"status": self.pid})
        return self._returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code; raises `subprocess.TimeoutExpired`."""
        deadline = time.monotonic() + (math.inf if timeout is None else timeout)
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            time.sleep(POLL_SECONDS)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class ForkServer:
    def __init__(self) -> None:
        self._turn = threading.Lock()  # tests wait for processes in threads
        self._process = subprocess.Popen(
            tethered([sys.executable, "-m", __name__]),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl-C is for pytest alone: the end of its input ends the server. Not a session of its own: the
            # kernel shares out the time by sessions, so tests that run quietly would have half of it.
            process_group=0,
        )

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Forked:
        """Run `roomcast ARGUMENTS` with that environment alone; its output is appended to `log`."""
        return Forked(self, self.ask({"start": [list(arguments), dict(environment), str(log)]}))

    def ask(self, request: object) -> Any:
        with self._turn:
            assert self._process.stdin
            assert self._process.stdout
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
            assert answer, "the fork server has ended"
            return json.loads(answer)

    def stop(self) -> None:
        self._process.communicate()


@functools.cache
def fork_server() -> ForkServer:
    """The fork server of this process; it ends with it. Call from the main thread."""
    server = ForkServer()
    atexit.register(server.stop)
    return server


def _serve() -> list[str] | None:
    """Answer until the input ends, then return None. In each new process return its arguments."""
    server = os.getpid()
    while line := sys.stdin.readline():
        request = json.loads(line)
        if "start" in request:
            arguments, environment, log = request["start"]
            answer: int | None = os.fork()
            if not answer:
                tie_to_parent(server)
                _take_over(environment, log)
                return [str(argument) for argument in arguments]
        else:
            ended, status = os.waitpid(request["status"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if ended else None
        print(json.dumps(answer), flush=True)
    return None


def _take_over(environment: Mapping[str, str], log: str) -> None:
    """Leave the server's input, output and environment."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for stream in (1, 2):
        os.dup2(output, stream)
    reports = environment.get("LOOP_WATCH") or os.environ.get("LOOP_WATCH")
    os.environ.clear()
    os.environ.update(environment)
    if reports:
        watch(Path(reports) / str(os.getpid()))


if __name__ == "__main__":
    for module in PRELOADED:
        importlib.import_module(module)
    if (command := _serve()) is not None:
        sys.argv[1:] = command
        importlib.import_module("deploy.cli").main()
