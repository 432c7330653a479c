"""All attacks at once, in a network of its own, beside honest viewers; `make hostile` is the long run."""

import asyncio
import shlex
import sys

import pytest


@pytest.mark.soak
async def test_honest_clients_do_not_notice() -> None:
    program = f"{shlex.quote(sys.executable)} -m tests.hostile --seconds 60"
    run = await asyncio.create_subprocess_exec(
        *("unshare", "--net", "sh", "-c", f"ip link set lo up && exec {program}"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await run.communicate()
    assert run.returncode == 0, said.decode()
