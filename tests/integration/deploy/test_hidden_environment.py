"""Other processes of the same user read no secret from `/proc/PID/environ` of what `roomcast up` runs."""

import os
import subprocess
import sys
from pathlib import Path

import psutil

from tests.integration.test_up import started

SECRETS = {"AUTH_TOKEN": "secret-of-all", "JWT_SECRET": "a-secret-of-thirty-two-characters"}
# Runs a command as a user's: root may open everything, so where the tests are root's it loses that.
AS_USER = [
    sys.executable,
    "-c",
    """
import ctypes, os, sys
for capability in range(64):
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
os.execv(sys.argv[1], sys.argv[1:])
""",
]
_READ = """
import sys
from contextlib import suppress
for pid in sys.argv[1:]:
    with suppress(PermissionError, FileNotFoundError, ProcessLookupError):
        text = open(f"/proc/{pid}/environ", "rb").read()
        print(pid, *(secret for secret in %r if secret.encode() in text))
"""


def readable(pids: list[int]) -> dict[int, list[str]]:
    """The secrets in each environment that another process of this user can open."""
    command = [*AS_USER, sys.executable, "-c", _READ % [*SECRETS.values()], *map(str, pids)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {int(pid): secrets for pid, *secrets in map(str.split, said.splitlines())}


def test_each_command_hides_at_its_start() -> None:
    """As `roomcast up` before it becomes its launcher, and the doctor that it runs."""
    program = """
import sys
sys.argv = ["roomcast", "--version"]
from contextlib import suppress
from deploy.cli import main
with suppress(SystemExit):
    main()
print(flush=True)
input()
"""
    assert shown_by(program) == []


async def test_no_process_of_up_shows_a_secret(tmp_path: Path) -> None:
    with started(tmp_path, under=AS_USER, **SECRETS) as up:
        async with up.api:
            await up.ready()
        launcher = psutil.Process(up.process.pid)
        everything = [launcher, *launcher.children(recursive=True)]
        names = {process.pid: " ".join(process.cmdline()) for process in everything}
        assert len(names) >= 5  # the launcher, Valkey, control, two workers
        assert not {names[pid]: secrets for pid, secrets in readable([*names]).items() if secrets}


def test_a_process_that_does_not_hide_shows_its_secrets() -> None:
    """So the tests above read."""
    assert shown_by("print(flush=True); input()") == [*SECRETS.values()]


def shown_by(program: str) -> list[str]:
    """The secrets in the environment of this Python program, which prints a line and waits for one."""
    command = [*AS_USER, sys.executable, "-c", program]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | SECRETS
    ) as process:
        assert process.stdout is not None
        while process.stdout.readline().strip():
            pass
        shown = readable([process.pid]).get(process.pid, [])
        process.communicate(b"\n")
    return shown
