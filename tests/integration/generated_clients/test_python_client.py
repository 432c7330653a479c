"""What openapi-python-client makes of `openapi.yaml`, in an environment of its own, has the right types."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.integration.deploy.files import ROOT, checked

CLIENT = Path(__file__).with_name("python")
GENERATOR = "openapi-python-client==0.29.1"  # its client needs no more than its generator
INSTALL_SECONDS = 240.0
WALK_SECONDS = 60.0
# Its bodies are JSON, forms and octets. All else that it does not understand is a fault of the description.
LEFT_OUT = {
    "POST /api/whip/publish/{room}",
    "PATCH /api/whip/publish/{room}/{session}",
    "POST /api/whep/play/{room}",
    "PATCH /api/whep/play/{room}/{session}",
}


@pytest.mark.soak
async def test_it_has_the_right_types_and_walks_through_the_api(walk: dict[str, str], tmp_path: Path) -> None:
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    checked(python, "-m", "pip", "install", "--quiet", GENERATOR, within=INSTALL_SECONDS)
    shutil.copy(CLIENT / "walk.py", tmp_path)
    told = checked(
        *(environment / "bin" / "openapi-python-client", "generate", "--path", ROOT / "control/openapi.yaml"),
        *("--meta", "none", "--config", CLIENT / "generator.yaml", "--output-path", "roomcast_client"),
        cwd=tmp_path,
    )
    assert set(re.findall(r"WARNING parsing (\S+ \S+)", told)) == LEFT_OUT, told
    types = ("-m", "mypy", "--strict", "--follow-imports=silent", "--python-executable", python)
    checked(sys.executable, *types, "walk.py", cwd=tmp_path, within=WALK_SECONDS)
    done = await asyncio.to_thread(
        subprocess.run,
        [python, "walk.py"],
        cwd=tmp_path,
        env=walk,
        capture_output=True,
        text=True,
        timeout=WALK_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "iceServers": [],
        "published": 201,
        "names": ["typed"],
        "workers": 1,
        "sessions": [["typed", "publish"]],
        "missing": [404, "room not found"],
        "refused": [401, "unauthorized"],
        "closed": ["typed", 1],
        "ended": "room blocked by an operator",
        "blocks": [["typed", "a test"]],
    }
