"""Attacks in a network of their own, beside honest viewers; `make hostile` is the long run."""

import asyncio
import shlex
import sys

import pytest

pytestmark = pytest.mark.soak


@pytest.mark.parametrize(
    "attacks",
    ["--seconds 60", pytest.param("--seconds 30 --gap 0.1 tcp_streams", marks=pytest.mark.alone)],
    ids=["all", "tcp"],
)
async def test_honest_clients_do_not_notice(attacks: str) -> None:
    program = f"{shlex.quote(sys.executable)} -m tests.hostile {attacks}"
    run = await asyncio.create_subprocess_exec(
        *("unshare", "--net", "sh", "-c", f"ip link set lo up && exec {program}"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await run.communicate()
    print(said.decode())
    assert run.returncode == 0
