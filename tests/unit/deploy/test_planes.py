"""The processes of the planes hold no library that they do not use."""

import subprocess
import sys

import pytest

# Of what is installed here, and what others import along.
NEVER_USED = {
    "control": {"aiortc", "av", "boto3", "jwt", "pygments", "rich", "typer", "yaml"},
    "worker": {"boto3", "httpx", "pygments", "rich", "typer", "yaml"},
}
SERVERS = {"control": "control.server", "worker": "media.worker.process"}
# as `roomcast PLANE` does, but it opens no port
PROBE = """
import importlib, sys
import deploy
deploy.hide_rich()
import deploy.cli, deploy.planes
deploy.planes.settings_with_bus()
importlib.import_module(sys.argv[1])
print(" ".join(sorted({name.partition(".")[0] for name, module in sys.modules.items() if module})))
"""


@pytest.mark.parametrize("plane", ["control", "worker"])
def test_a_process_holds_nothing_that_it_does_not_use(plane: str) -> None:
    words = [sys.executable, "-c", PROBE, SERVERS[plane]]
    settings = {"REDIS_URL": "redis://127.0.0.1:1/0", "WORKER_ID": "w1"}
    held = subprocess.run(words, env=settings, capture_output=True, text=True, timeout=30, check=True)
    assert NEVER_USED[plane] & set(held.stdout.split()) == set()
