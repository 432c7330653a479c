"""Strangers attack a live system with five honest viewers. Linux only, in a network of its own:

    unshare --net sh -c 'ip link set lo up && python -m tests.hostile --seconds 600'

Prints what the strangers did and what the honest clients got; ends with 1 when a promise is broken.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from pathlib import Path

import httpx
import uvloop
from prometheus_client.parser import text_string_to_metric_families

from shared.bus.connection import MAX_CONNECTIONS
from tests.hostile.honest import Honest
from tests.hostile.target import PROXY
from tests.support.free_ports import free_port
from tests.support.own_valkey import OwnValkey
from tests.support.system import System, running_system
from tests.support.waiting import eventually
from tools.bench.usage import resident_bytes

MAX_GAP_SECONDS = 0.3
MAX_ANSWER_SECONDS = 2.0
# Of the requests: a 503 with Retry-After is an answer, too, but not the one that was wanted.
MOST_REFUSED = 0.01
MAX_BYTES = 300 * 1024 * 1024  # of memory, each process
HELD = ("roomcast_sessions", "roomcast_tasks", "process_open_fds")
END_SECONDS = 120.0  # until everything is as before: sessions that never connected have ended by then
RECORD = "old_video0_1710123456.ivf"
RECORD_BYTES = 64 * 1024 * 1024
LIMITS = {"MAX_SUBS_PER_ROOM": "20"}  # of which strangers want all


async def run(redis_url: str, seconds: float, attacks: list[str], most_gap: float) -> list[str]:
    """The promises that were broken, in words."""
    with tempfile.TemporaryDirectory() as records:
        (Path(records) / RECORD).write_bytes(bytes(RECORD_BYTES))
        settings = {"RECORD_ENABLED": "1", "RECORD_DIR": records, "TRUSTED_PROXIES": PROXY} | LIMITS
        async with running_system(redis_url, **settings) as system:
            honest = Honest(system, f"/records/{RECORD}")
            async with honest.live():
                await honest.ask()
                before = await held(system)
                honest.answers.clear()
                honest.slowest.clear()
                done, memory = await attacked(system, honest, seconds, attacks)
                gap = honest.longest_gap
                left = await as_before(system, before)
    broken = [f"a gap of {gap:.2f} s"] if gap > most_gap else []
    broken += [
        f"{name} took {took:.2f} s" for name, took in honest.slowest.items() if took > MAX_ANSWER_SECONDS
    ]
    broken += [f"{name} had {most / 1e6:.0f} MB" for name, most in memory.items() if most > MAX_BYTES]
    good = (": 200", ": 206", ": media")
    bad = {answer: count for answer, count in honest.answers.items() if not answer.endswith(good)}
    if sum(bad.values()) > MOST_REFUSED * sum(honest.answers.values()):
        broken += [f"{count} x {answer}" for answer, count in bad.items()]
    broken += [f"not as before: {left}"] if left else []
    report = {
        "strangers": done,
        "answers": honest.answers,
        "slowest, seconds": honest.slowest,
        "longest gap, seconds": gap,
        "most memory, bytes": memory,
    }
    print(json.dumps(report, indent=2))
    return broken


async def attacked(
    system: System, honest: Honest, seconds: float, attacks: list[str]
) -> tuple[dict[str, int], dict[str, int]]:
    """What the strangers did, and the most memory that each process had."""
    target = {
        "control": system.controls[0].url,
        "worker": system.workers[0].url,
        "record": f"/records/{RECORD}",
        "viewers": [viewer.address for viewer in honest.viewers],
    }
    command = [sys.executable, "-m", "tests.hostile.strangers", json.dumps(target), *attacks]
    strangers = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    os.setpriority(os.PRIO_PROCESS, 0, -10)  # we measure the server, and not our own turn at the CPU
    memory: dict[str, int] = {}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert strangers.returncode is None, "the strangers have given up"
        began = time.monotonic()
        await honest.ask()
        for member in system.members:
            memory[member.name] = max(memory.get(member.name, 0), resident_bytes([member.pid]))
        await asyncio.sleep(began + 1 - time.monotonic())
    strangers.terminate()
    said, _ = await strangers.communicate()
    return json.loads(said), memory


async def held(system: System) -> dict[str, float]:
    """Sessions, tasks and open files of the worker, and open files of control."""
    async with httpx.AsyncClient(timeout=10) as http:
        metrics = (await http.get(f"{system.workers[0].url}/metrics")).raise_for_status().text
    own = dict.fromkeys(HELD, 0.0)
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            if sample.name in own:
                own[sample.name] += sample.value
    return own | {"control files": len(list(Path(f"/proc/{system.controls[0].pid}/fd").iterdir()))}


async def as_before(system: System, before: dict[str, float]) -> str:
    """Wait until no more is held than before; what is, in words, when that does not come."""
    # Connections to Redis are kept, of three pools in control; a connection or two are our own. What attacks
    # leave open comes by the hundred.
    spare = 3 * MAX_CONNECTIONS + 5

    async def settled() -> bool:
        after = await held(system)
        return all(after[name] <= count + spare for name, count in before.items())

    try:
        await eventually("everything is as before", settled, END_SECONDS)
    except (TimeoutError, AssertionError):
        return f"{await held(system)} instead of {before}"
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="(%(default)s)")
    parser.add_argument("--gap", type=float, default=MAX_GAP_SECONDS, help="of media, seconds (%(default)s)")
    parser.add_argument("attacks", nargs="*", help="only these attacks")
    arguments = parser.parse_args()
    valkey = OwnValkey(free_port())
    valkey.start()
    try:
        broken = uvloop.run(run(valkey.url, arguments.seconds, arguments.attacks, arguments.gap))
    finally:
        valkey.stop()
    for line in broken:
        print(f"broken: {line}")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
