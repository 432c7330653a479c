"""What openapi-typescript makes of `openapi.yaml` compiles, and its client gets what its types say."""

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.deploy.files import ROOT, checked

CLIENT = Path(__file__).with_name("typescript")
INSTALL_SECONDS = 120.0
WALK_SECONDS = 60.0


@pytest.mark.soak  # npm asks its registry, and two compilers run
async def test_it_compiles_and_walks_through_the_api(walk: dict[str, str], tmp_path: Path) -> None:
    client = tmp_path / "client"
    shutil.copytree(CLIENT, client)
    shutil.copy(ROOT / "control/openapi.yaml", client)
    checked(
        "npm", "ci", "--ignore-scripts", "--prefer-offline", "--silent", cwd=client, within=INSTALL_SECONDS
    )
    generated = checked("npm", "run", "generate", "--silent", cwd=client)
    assert "warn" not in generated.lower()
    checked("npm", "run", "build", "--silent", cwd=client)
    types = (client / "api.d.ts").read_text(encoding="utf-8")
    assert "@enum {unknown}" not in types
    done = await asyncio.to_thread(
        subprocess.run,
        ["node", "built/client.js"],
        cwd=client,
        env={**os.environ, **walk},
        capture_output=True,
        text=True,
        timeout=WALK_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "iceServers": [],
        "answer": "v=0",
        "taken": [409, "publisher already exists in this room"],
        "names": ["typed"],
        "workers": 1,
        "refused": [401, "unauthorized"],
        "closed": ["typed", 1, "number"],
        "blocked": [403, "room blocked", "a test"],
        "ended": [200, "room blocked by an operator"],
        "blocks": [["typed", "a test"]],
        "wrong": [400, "invalid block or revocation"],
    }
