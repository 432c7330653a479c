"""A namespace that a cable of the kernel's connects to this host, and what may pass. It requires root."""

import contextlib
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.namespaces import Namespace, new_namespace

_RULES = """
table inet cable {{
    chain in {{ type filter hook input priority 0; iifname "eth0" {rule}; }}
    chain out {{ type filter hook output priority 0; oifname "eth0" {rule}; }}
}}
"""
NO_UDP, NOTHING = "meta l4proto udp counter drop", "counter drop"


@dataclass(frozen=True)
class Cable:
    """`host` is this host's address on it. Both ends have an IPv4 address only."""

    namespace: Namespace
    host: str

    def drops(self, rule: str) -> None:
        """Drop so much of what goes over the cable, from now on: a rule of nftables."""
        self.namespace.run("nft", "-f", "-", text="flush ruleset\n" + _RULES.format(rule=rule))


@contextlib.contextmanager
def cable() -> Iterator[Cable]:
    """Without UDP."""
    number = secrets.randbelow(1 << 14)  # tests run side by side
    device, net = f"cable{number}", f"198.19.{number >> 6}.{(number & 63) * 4}"
    host, far = (net.rpartition(".")[0] + f".{int(net.rpartition('.')[2]) + end}" for end in (1, 2))
    with new_namespace() as namespace:
        _run("ip", "link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", namespace.path)
        try:
            _run("ip", "address", "add", f"{host}/30", "dev", device)
            _run("ip", "link", "set", device, "up")
            namespace.run("ip", "address", "add", f"{far}/30", "dev", "eth0")
            namespace.run("ip", "link", "set", "eth0", "up")
            made = Cable(namespace, host)
            made.drops(NO_UDP)
            yield made
        finally:
            _run("ip", "link", "delete", device)


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
