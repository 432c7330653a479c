"""A real coturn, run as `deploy/coturn` has it, on loopback."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import os
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.free_ports import free_port
from tests.support.logged_process import logged_process
from tests.support.system import LOOPBACK
from tests.support.waiting import eventually

EXAMPLE = Path(__file__).parents[2] / "deploy" / "coturn"
START_SECONDS = 10.0
SECRET, FORMER_SECRET = "shared-with-coturn", "shared-until-now"
USER, PASSWORD = "viewer", "pass-for-turn"
WORKERS = "127.0.0.5"  # the only address to which it relays

# What the example must not say: here coturn and its peers are on loopback.
_LOOPBACK = f"""
listening-ip={LOOPBACK}
relay-ip={LOOPBACK}
allow-loopback-peers
relay-threads=1
"""


@dataclass(frozen=True)
class Coturn:
    """What is running. `url` is for `turn:` over UDP, and so on."""

    port: int
    tls_port: int
    log: Path
    pid: int

    @property
    def udp(self) -> str:
        return f"turn:{LOOPBACK}:{self.port}?transport=udp"

    @property
    def tcp(self) -> str:
        return f"turn:{LOOPBACK}:{self.port}?transport=tcp"

    @property
    def tls(self) -> str:
        return f"turns:localhost:{self.tls_port}?transport=tcp"  # by the name in the certificate


def credentials(lifetime: float, secret: str = SECRET) -> tuple[str, str]:
    """A user name and its password by coturn's REST API, good for so many seconds."""
    name = f"{int(time.time() + lifetime)}:{secrets.token_hex(4)}"
    mac = hmac.digest(secret.encode(), name.encode(), hashlib.sha1)
    return name, base64.b64encode(mac).decode()


@contextlib.asynccontextmanager
async def running_coturn(
    folder: Path,
    *,
    certificate: tuple[Path, Path] | None = None,
    static: bool = False,
    without: str = "",
) -> AsyncIterator[Coturn]:
    """Start the example, with its files in `folder`; it serves when entered.

    `static`: one user name and password instead of those that expire. `without`: lines of the example that
    begin with this are left out.
    """
    text = (EXAMPLE / "turnserver.conf").read_text(encoding="utf-8")
    if without:
        assert f"\n{without}" in text
        text = "\n".join(line for line in text.splitlines() if not line.startswith(without))
    configuration, log = folder / "turnserver.conf", folder / "coturn.log"
    configuration.write_text(text + _LOOPBACK, encoding="utf-8")
    port, tls_port = free_port(), free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "TMPDIR": str(folder),
        "TURN_SECRET": "" if static else f"{SECRET},{FORMER_SECRET}",
        "TURN_USERNAME": USER if static else "",
        "TURN_PASSWORD": PASSWORD if static else "",
        "TURN_REALM": "turn.test",
        "TURN_PEERS": WORKERS,
        "TURN_PORT": str(port),
        "TURN_TLS_PORT": str(tls_port),
    }
    if certificate:
        environment |= {"TURN_CERT": str(certificate[0]), "TURN_KEY": str(certificate[1])}
    with logged_process(["sh", str(EXAMPLE / "start.sh"), str(configuration)], log, environment) as process:
        coturn = Coturn(port, tls_port, log, process.pid)
        try:
            await eventually("coturn serves", lambda: _serves(coturn, process), START_SECONDS)
            yield coturn
        except BaseException:
            print(f"--- coturn\n{log.read_text(errors='replace')[-8000:]}", file=sys.stderr)
            raise


async def _serves(coturn: Coturn, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, coturn.log.read_text()
    with contextlib.suppress(ConnectionRefusedError):
        _, writer = await asyncio.open_connection(LOOPBACK, coturn.port)
        writer.close()
        await writer.wait_closed()
        return True
    return False
