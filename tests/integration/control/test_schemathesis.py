"""Schemathesis walks the description against a running system: what it describes is what happens.

It sends every example, every border of every schema, and values at random, valid and not. `schemathesis.toml`
has what is left out. `running_system` fails when a process has died or has logged a traceback.
"""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from tests.integration.control.description import description
from tests.support.system import running_system

HERE = Path(__file__).parent
ADMIN_TOKEN = "secret-of-admin"
ENDLESS = 2  # operations that are left out
HEADS = 1  # operations that it knows, and `METHODS` does not: every GET is a HEAD, too
PHASES = "examples,coverage,fuzzing"


async def walk(redis_url: str, folder: Path, max_examples: int) -> int:
    """How many requests were sent; fails with the report."""
    program = Path(sys.executable).with_name("schemathesis")
    command = [
        *("--no-color", "--config-file", str(HERE / "schemathesis.toml")),
        *(
            "run",
            "--header",
            f"Authorization: Bearer {ADMIN_TOKEN}",
            "--continue-on-failure",
            "--warnings",
            "off",
        ),
        *("--max-examples", str(max_examples), "--phases", PHASES, "--seed", "1"),
    ]
    async with running_system(
        redis_url, ADMIN_TOKEN=ADMIN_TOKEN, RECORD_ENABLED="1", RECORD_DIR=str(folder)
    ) as system:
        running = await asyncio.create_subprocess_exec(
            program,
            *command,
            f"{system.controls[0].url}/openapi.yaml",
            cwd=folder,  # where it leaves its files
            env=os.environ | {"SCHEMATHESIS_HOOKS": str(HERE / "schemathesis_hooks.py")},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            report = (await running.communicate())[0].decode()
        finally:
            if running.returncode is None:
                running.kill()
                await running.wait()
    assert running.returncode == 0, report
    assert f"Tested: {len(description().operations()) + HEADS - ENDLESS}\n" in report, report
    return int(re.findall(r"(\d+) generated", report)[0])


# Each answer in any test of control is judged by the description (conftest.py), and test_contract.py has a
# request for each status. What only values at random find needs many of them, and minutes.
@pytest.mark.soak
async def test_the_description_is_true(redis_url: str, tmp_path: Path) -> None:
    assert await walk(redis_url, tmp_path, max_examples=100) > 5000
