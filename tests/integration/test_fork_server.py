"""The fork server of the tests: it runs the real command, in an environment of its own."""

import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.support.fork_server import ForkServer

END_SECONDS = 10.0


def test_a_forked_command_says_why_it_ends_and_how(tmp_path: Path) -> None:
    server = ForkServer()
    refused = server.start(["worker"], {"PATH": os.environ["PATH"]}, tmp_path / "log")
    assert refused.wait(END_SECONDS) == refused.poll() == 2
    assert "roomcast: REDIS_URL: not set" in (tmp_path / "log").read_text()
    server.stop()


def test_forked_processes_end_by_signals_and_with_their_server(tmp_path: Path) -> None:
    server = ForkServer()
    # they wait for a Redis that is not there
    environment = {"REDIS_URL": "redis://127.0.0.1:1", "HTTP_ADDR": "127.0.0.1:0"}
    killed, left = (server.start(["control"], environment, tmp_path / name) for name in ("killed", "left"))
    with pytest.raises(subprocess.TimeoutExpired):
        killed.wait(0.1)
    killed.kill()
    assert killed.wait(END_SECONDS) == -signal.SIGKILL
    process = psutil.Process(left.pid)
    server.stop()
    process.wait(END_SECONDS)
