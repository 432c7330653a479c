"""Hosts as network namespaces: the shipped units, environment and proxies run there as they are."""

import asyncio
import configparser
import contextlib
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from deploy.tether import tethered
from deploy.valkey import server_program
from tests.integration.deploy.files import DEPLOY, environment
from tests.integration.deploy.proxies import NGINX
from tests.support.namespaces import Namespace, enter

UNITS = DEPLOY / "systemd"
PASSWORD = "password"  # of the shipped example
STOP_SECONDS = 10.0


def unit(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=["="])
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    parser.read_string(path.read_text(encoding="utf-8"))
    return parser


def unit_environment(name: str, number: str, **edited: str) -> dict[str, str]:
    """What systemd gives to `name`@`number`. `edited`: lines of roomcast.env, and of a drop-in."""
    text = (UNITS / "roomcast.env.example").read_text(encoding="utf-8")
    variables = dict(re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE))
    service = unit(UNITS / f"{name}@.service")["Service"]
    own = dict(pair.split("=", 1) for pair in service["Environment"].replace("%i", number).split())
    variables |= own | {key: value.replace("%i", number) for key, value in edited.items()}
    for withheld in service.get("UnsetEnvironment", "").split():
        variables.pop(withheld, None)
    return variables


class Host:
    """Programs in one namespace; `folder` has their files and logs."""

    def __init__(self, name: str, namespace: Namespace, folder: Path) -> None:
        self.name = name
        self.namespace = namespace
        self.folder = folder / name
        self.folder.mkdir()
        self.programs: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *command: str, **variables: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.programs[name] = subprocess.Popen(
                tethered(["nsenter", f"--net={self.namespace.path}", *command]),
                env=environment() | variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
            )

    def stop(self, name: str) -> None:
        program = self.programs.pop(name)
        program.terminate()
        program.wait(STOP_SECONDS)

    def logs(self) -> str:
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"--- {self.name} {log.stem}\n{log.read_text()}" for log in logs)

    def redis(self, address: str) -> None:
        more = ("--requirepass", PASSWORD, "--save", "", "--appendonly", "no")
        self.start("redis", server_program(), "--bind", address, *more)

    def control(self, number: str, **edited: str) -> None:
        variables = unit_environment("roomcast-control", number, **edited)
        self.start(f"control{number}", sys.executable, "-m", "deploy.cli", "control", **variables)

    def worker(self, number: str, **edited: str) -> None:
        recordings = str(self.folder / "recordings")
        variables = unit_environment("roomcast-worker", number, **edited) | {"RECORD_DIR": recordings}
        self.start(f"worker{number}", sys.executable, "-m", "deploy.cli", "worker", **variables)

    def proxy(self, kind: str, edit: Callable[[str], str] = lambda text: text) -> None:
        """HAProxy, nginx or Caddy with its file of deploy/, which an operator may `edit`."""
        command, config = PROXIES[kind]
        text = edit((DEPLOY / config).read_text(encoding="utf-8"))
        if kind == "nginx":  # the http block around it is the distribution's
            text = NGINX.format(folder=self.folder, conf=text.replace("/var/log/nginx/", f"{self.folder}/"))
        file = self.folder / Path(config).name
        file.write_text(text)
        # without a domain Caddy has no certificate to get
        self.start(kind, *command, str(file), DOMAIN="http://:8080", HOME=str(self.folder))


PROXIES = {
    "haproxy": (("haproxy", "-f"), "haproxy/haproxy.cfg"),
    "nginx": (("nginx", "-e", "stderr", "-c"), "nginx/roomcast.conf"),
    "caddy": (("caddy", "run", "--adapter", "caddyfile", "--config"), "caddy/Caddyfile"),
}


@contextlib.asynccontextmanager
async def running(*hosts: Host) -> AsyncIterator[None]:
    """Stops what is started there; logs are shown with a failure."""
    try:
        yield
        for host in hosts:
            ended = {name: program.poll() for name, program in host.programs.items()}
            assert set(ended.values()) <= {None}, ended
    except BaseException:
        for host in hosts:
            print(host.logs(), file=sys.stderr)
        raise
    finally:
        for host in hosts:
            for program in host.programs.values():
                program.kill()
                program.wait()


def joined(*names: str) -> Iterator[Mapping[str, Namespace]]:
    """Namespaces in one network: 10.77.0.1, .2 and so on, in their order. The first one has the switch."""
    with contextlib.ExitStack() as stack:
        made = {name: Namespace() for name in names}
        for namespace in made.values():
            stack.callback(namespace.close)
        first, *others = made.values()
        first.run("ip", "link", "add", "switch", "type", "bridge")
        first.run("ip", "address", "add", "10.77.0.1/24", "dev", "switch")
        first.run("ip", "link", "set", "switch", "up")
        for number, other in enumerate(others, 2):
            here = f"host{number}"
            first.run(
                *("ip", "link", "add", here, "type", "veth", "peer", "name", "eth0", "netns", other.path)
            )
            first.run("ip", "link", "set", here, "master", "switch", "up")
            other.run("ip", "address", "add", f"10.77.0.{number}/24", "dev", "eth0")
            other.run("ip", "link", "set", "eth0", "up")
        yield made


def inside(namespace: Namespace, scenario: Coroutine[Any, Any, None]) -> None:
    """Run `scenario` with its own event loop and sockets in there."""

    def run() -> None:
        enter(namespace)
        asyncio.run(scenario)

    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(run).result()
