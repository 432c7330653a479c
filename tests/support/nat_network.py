"""A server behind a NAT of the kernel, and the Internet before it: three networks. It requires root.

inside 10.0.0.2 --- 10.0.0.1 NAT 203.0.113.1 --- outside 203.0.113.10, .11
inside 2001:db8:1::2 ------- router ------------ outside 2001:db8:2::2
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.support.namespaces import Namespace, new_namespace

SERVER, PUBLIC = "10.0.0.2", "203.0.113.1"
OUTSIDE = "203.0.113.10", "203.0.113.11"
SERVER_V6, OUTSIDE_V6 = "2001:db8:1::2", "2001:db8:2::2"


@dataclass(frozen=True)
class NatNetwork:
    inside: Namespace
    nat: Namespace
    outside: Namespace

    def maps(self, way_out: str, way_in: str = "") -> None:
        """Translate from now on what leaves, and what arrives, in words of nftables."""
        self.nat.run(
            "nft",
            "-f",
            "-",
            text=f"""
            flush ruleset
            table ip nat {{
                chain out {{ type nat hook postrouting priority srcnat; oifname "wan" {way_out}; }}
                chain in {{ type nat hook prerouting priority dstnat; {way_in}; }}
            }}""",
        )


@contextmanager
def nat_network() -> Iterator[NatNetwork]:
    with ExitStack() as stack:
        inside, nat, outside = (stack.enter_context(new_namespace()) for _ in range(3))
        for end, name, far in ((inside, "lan", "eth0"), (outside, "wan", "eth0")):
            nat.run("ip", "link", "add", name, "type", "veth", "peer", "name", far, "netns", end.path)
        for switch in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
            nat.run("tee", f"/proc/sys/net/{switch}", text="1")
        _up(nat, "lan", "10.0.0.1/24", "2001:db8:1::1/64")
        _up(nat, "wan", f"{PUBLIC}/24", "2001:db8:2::1/64")
        _up(inside, "eth0", f"{SERVER}/24", f"{SERVER_V6}/64", "10.0.0.1", "2001:db8:1::1")
        _up(outside, "eth0", f"{OUTSIDE[0]}/24", f"{OUTSIDE_V6}/64", "", "2001:db8:2::1")
        outside.run("ip", "address", "add", f"{OUTSIDE[1]}/24", "dev", "eth0")
        yield NatNetwork(inside, nat, outside)


def _up(where: Namespace, device: str, ipv4: str, ipv6: str, gateway: str = "", gateway_v6: str = "") -> None:
    where.run("ip", "address", "add", ipv4, "dev", device)
    where.run("ip", "address", "add", ipv6, "dev", device, "nodad")
    where.run("ip", "link", "set", device, "up")
    for way in filter(None, (gateway, gateway_v6)):
        where.run("ip", "route", "add", "default", "via", way)
