"""What `roomcast up` hands over to the process that it becomes."""

import signal
import subprocess
import sys

import pytest

from deploy.launcher import Launch
from deploy.supervisor import Program
from shared.settings.host_port import HostPort

# with more than a pipe holds
LAUNCH = Launch(
    log_level="INFO",
    log_format="json",
    bus=[Program("valkey", ("valkey-server", "/dev/stdin"), stdin="requirepass näh\n")],
    planes=[
        Program(f"worker {number}", ("python", "-m"), {"WORKER_ID": "w" * 100}, stop_signal=signal.SIGINT)
        for number in range(1000)
    ],
    bus_url="redis://:näh@127.0.0.1:1/0",
    address=HostPort("::1", 8080),
    tls=True,
    announcement="Ready.\n",
)
# the new process reads as `main` does, and tells what it has read
SHOW = """
import os, sys
import deploy.launcher as launcher
launcher.run = lambda launch, writer: show(launch, writer)
async def show(launch, writer):
    os.waitpid(writer, 0)
    print(os.getpid(), len(launch.planes), launch == launcher.Launch.decode(launch.encode()), launch.tls)
launcher.main()
"""
# hangs up on itself as soon as it serves, and tells whether it is to stop
HANG_UP = """
import asyncio, os, signal, sys
import deploy.launcher as launcher
from tests.unit.deploy.test_launcher import LAUNCH
async def supervise(programs, stop):
    if programs == LAUNCH.planes:
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.1)
        print(stop.is_set())
launcher.supervise = supervise
signal.signal(signal.SIGHUP, getattr(signal, sys.argv[1]))
asyncio.run(launcher.run(LAUNCH))
"""


def test_all_of_it_arrives() -> None:
    assert Launch.decode(LAUNCH.encode()) == LAUNCH


def test_the_process_becomes_the_launcher() -> None:
    code = (
        "import os, sys, deploy.launcher as launcher\n"
        "from tests.unit.deploy.test_launcher import LAUNCH, SHOW\n"
        "executes = os.execv\n"
        "os.execv = lambda program, words: executes(program, [program, '-c', SHOW, *words[-2:]])\n"
        "launcher.become_launcher(LAUNCH, lambda: print('meanwhile', flush=True))\n"
    )
    with subprocess.Popen([sys.executable, "-W", "error", "-c", code], stdout=subprocess.PIPE) as process:
        told, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert told.decode().split() == ["meanwhile", str(process.pid), "1000", "True", "True"]


@pytest.mark.parametrize(("handling", "ends"), [("SIG_DFL", "True"), ("SIG_IGN", "False")])
def test_a_terminal_that_hangs_up_ends_it_unless_nohup_was_asked(handling: str, ends: str) -> None:
    command = [sys.executable, "-W", "error", "-c", HANG_UP, handling]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == ends


def test_it_does_without_what_is_large() -> None:
    code = "import deploy.launcher, sys; print(*{'pydantic', 'redis', 'typer', 'uvicorn'} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == ""
